// The upload page: files come by dropping, pasting, choosing or a camera, wait in a list, and are sent
// one by one. Without this script the page is a plain form.

const form = document.getElementById("upload");
const { Sender } = form ? await import(form.dataset.send) : {};
const texts = form?.dataset;

// Makes a list of the page's form; its rows know their states, and the page what follows from them.
class Queue {
  constructor() {
    this.list = document.getElementById("queue");
    this.template = document.getElementById("queue-row");
    this.status = document.getElementById("queue-said");
    this.toAnswers = document.getElementById("to-answers");
    this.recognizer = form.elements.recognizer;
    this.submit = form.querySelector("[type=submit]");
    this.total = document.getElementById("queue-total");
    this.all = document.getElementById("remove-all");
    this.sender = new Sender(texts, form.elements.csrfmiddlewaretoken.value);
    this.rows = [];
    this.begin();
  }

  // A page that comes back by the browser's Back is a new upload, too.
  begin() {
    this.upload = newNumber();
    form.elements.upload.value = this.upload;
    this.nextPlace = 0;
    this.isStarted = false;
    this.page = null;
    for (const row of this.rows.filter((row) => row.state === "taken")) row.element.remove();
    this.rows = this.rows.filter((row) => row.state !== "taken");
    for (const row of this.rows) row.place = this.nextPlace++;
    this.say("");
    this.show();
  }

  add(files) {
    const most = Number(texts.maxFiles);
    const room = Math.max(0, most - this.rows.length);
    for (const file of files.slice(0, room)) this.push(new Row(this, file));
    const num = files.length - room;
    if (num > 0) this.say(filled(texts.textTooMany, { max: most, num }));
    else if (files.length) this.tell();
    this.show();
    if (this.isStarted && files.length) this.start();
  }

  push(row) {
    row.place = this.nextPlace++;
    this.rows.push(row);
    this.list.append(row.element);
  }

  remove(row) {
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    this.rows = this.rows.filter((other) => other !== row);
    row.element.remove();
    // Who works with the keyboard stays where the list goes on.
    (next?.querySelector(".queue__remove:not([hidden])") ?? form.elements.pictures[0]).focus();
    this.sender.drop(row.place);
    this.show();
    this.tell();
    this.settle();
  }

  // All that has not been sent, or is being sent.
  removeAll() {
    // From the end, so that none is begun in the place of one that has just gone.
    for (const row of this.rows.filter((row) => row.isRemovable).reverse()) {
      this.rows = this.rows.filter((other) => other !== row);
      row.element.remove();
      this.sender.drop(row.place);
    }
    form.elements.pictures[0].focus();
    this.show();
    this.tell();
    this.settle();
  }

  start() {
    this.isStarted = true;
    const isDue = (row) => row.state === "waiting" || row.state === "failed";
    for (const row of this.rows.filter(isDue)) this.send(row);
    this.tell();
    this.show();
  }

  send(row) {
    row.set("sending", texts.textWaiting);
    // Browsers write some letters of a file's name differently where they send the file.
    const name = row.isAddress ? "" : row.name;
    const fields = { recognizer: this.recognizer.value, position: row.place, name };
    this.sender.add({
      key: row.place,
      address: texts.files.replace(/0{8}-[0-]+/, this.upload),
      fields: { ...fields, [row.isAddress ? "address" : "file"]: row.content },
      progress: (share) => {
        row.progress(share);
        this.show();
      },
      again: () => {
        row.set("sending", texts.textAgain);
        this.say(texts.textAgain);
      },
      done: (outcome) => this.heard(row, outcome),
    });
  }

  heard(row, { answer, sentence, mayRetry, isTaken }) {
    if (answer) {
      this.page = answer.page;
      const failed = answer.predictions.length === 1 && answer.predictions[0].failure;
      row.set("taken", failed || texts.textTaken, Boolean(failed));
      row.note(answer.notes);
      row.needsLook = !answer.is_whole;
      this.tell();
    } else {
      row.set(mayRetry ? "failed" : "refused", sentence);
      // Otherwise the place stays, so that what the server has got after all is not kept twice.
      if (isTaken) row.place = this.nextPlace++;
    }
    this.settle();
  }

  retry(row) {
    this.isStarted = true;
    this.send(row);
    this.show();
  }

  // Once nothing is under way: on to the answers, unless something did not get there.
  settle() {
    if (!this.isStarted || this.sender.isBusy || this.count("sending")) return;
    this.show();
    if (!this.page) {
      const none = this.count("failed") ? texts.textNoneSent : texts.textNoneTaken;
      this.say(this.rows.length ? none : "");
      return;
    }
    if (this.count("failed")) this.say(texts.textSomeFailed);
    else if (this.count("refused")) this.say(texts.textSomeRefused);
    else if (this.rows.some((row) => row.needsLook)) this.say(texts.textLeftOut);
    else location.assign(this.page);
  }

  count(state) {
    return this.rows.filter((row) => row.state === state).length;
  }

  // How far it is: what is ready, or how much of it is sent.
  tell() {
    const [num, all] = [this.count("taken"), this.rows.length];
    if (this.isStarted) this.say(all ? filled(texts.textSent, { num, all }) : "");
    else this.say(all ? filled(texts.textAdded, { num: this.count("waiting") }) : "");
  }

  say(sentence) {
    this.status.textContent = sentence;
  }

  show() {
    const isBusy = this.sender.isBusy;
    this.list.hidden = !this.rows.length;
    this.all.hidden = this.rows.filter((row) => row.isRemovable).length < 2;
    this.total.hidden = !this.isStarted || this.rows.length < 2;
    this.total.max = this.rows.length || 1;
    this.total.value = this.rows.reduce((sum, row) => sum + row.share, 0);
    // In one upload all pictures go to one recognizer.
    this.recognizer.disabled = this.isStarted && (isBusy || Boolean(this.page));
    this.submit.hidden = Boolean(this.page) && !isBusy && !this.count("waiting");
    this.submit.disabled = isBusy;
    this.toAnswers.hidden = !this.page || isBusy;
    if (this.page) this.toAnswers.href = this.page;
  }
}

// One file, or the address of one. States: waiting, sending, taken; failed, which may be tried again;
// refused, which may not.
class Row {
  constructor(queue, content) {
    this.isAddress = typeof content === "string";
    this.content = content;
    this.name = this.isAddress ? content : content.name;
    this.element = queue.template.content.firstElementChild.cloneNode(true);
    this.find("name").textContent = this.name;
    for (const each of this.element.querySelectorAll(".queue__which")) each.textContent = this.name;
    this.find("bar").setAttribute("aria-label", this.name);
    this.find("retry").addEventListener("click", () => queue.retry(this));
    this.find("remove").addEventListener("click", () => queue.remove(this));
    this.set("waiting", texts.textWaiting);
    if (this.isAddress) return;
    this.find("size").textContent = sizeOf(content.size);
    const isZip = /zip/.test(content.type) || /\.zip$/i.test(content.name);
    const most = Number(isZip ? texts.maxZipBytes : texts.maxBytes);
    if (content.size > most) {
      const sizes = { max: sizeOf(most), size: sizeOf(content.size) };
      this.set("refused", filled(texts.textTooLarge, sizes));
    } else if (!isZip) drawLater(content, this.find("picture"));
  }

  find(part) {
    return this.element.querySelector(`.queue__${part}`);
  }

  set(state, sentence, isBad = state === "failed" || state === "refused") {
    this.state = state;
    this.share = state === "taken" ? 1 : 0;
    this.element.dataset.state = state;
    this.element.classList.toggle("queue__row--bad", isBad);
    const said = this.find("state");
    if (isBad) said.setAttribute("role", "alert");
    else said.removeAttribute("role");
    said.textContent = sentence;
    this.find("retry").hidden = state !== "failed";
    this.find("remove").hidden = state === "taken";
    this.find("bar").hidden = state !== "sending";
  }

  get isRemovable() {
    return !this.find("remove").hidden;
  }

  progress(share) {
    this.share = share;
    this.find("bar").value = share;
    const isThere = share >= 1;
    this.find("state").textContent = isThere ? texts.textChecking : texts.textSending;
    this.find("remove").hidden = isThere; // it may be kept by now
  }

  note(notes) {
    const list = this.find("notes");
    list.hidden = !notes.length;
    list.replaceChildren(...notes.map((note) => {
      const item = document.createElement("li");
      item.textContent = note;
      return item;
    }));
  }
}

// Small pictures, made one after the other: a phone's photo takes 50 MB while it is decoded.
let drawing = Promise.resolve();

function drawLater(file, canvas) {
  drawing = drawing.then(() => draw(file, canvas)).catch(() => {}); // not every browser knows HEIC
}

async function draw(file, canvas) {
  if (!canvas.isConnected) return;
  const picture = await createImageBitmap(file);
  const side = Math.min(picture.width, picture.height);
  const [x, y] = [(picture.width - side) / 2, (picture.height - side) / 2];
  canvas.getContext("2d").drawImage(picture, x, y, side, side, 0, 0, canvas.width, canvas.height);
  picture.close();
}

// `crypto.randomUUID` is missing where a page comes without TLS from another machine.
function newNumber() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function sizeOf(numBytes) {
  const [unit, number] = numBytes < 1
    ? ["byte", 0]
    : numBytes < 1_048_576
    ? ["kilobyte", Math.ceil(numBytes / 1024)]
    : ["megabyte", numBytes / 1_048_576];
  const options = { style: "unit", unit, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(number);
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// All files below what was dropped: folders are looked into. What cannot be read costs the rest nothing.
async function filesOf(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) {
    return { files: Array.from(transfer.files), numUnread: 0 };
  }
  const found = [];
  let numUnread = 0;
  for (let entry = entries.shift(); entry; entry = entries.shift()) {
    try {
      if (entry.isFile) found.push(await new Promise((take, fail) => entry.file(take, fail)));
      else entries.push(...(await entriesOf(entry)));
    } catch {
      numUnread += 1;
    }
  }
  return { files: found.filter((file) => !file.name.startsWith(".")), numUnread };
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  let some; // it tells a hundred at a time
  do {
    some = await new Promise((take, fail) => reader.readEntries(take, fail));
    found.push(...some);
  } while (some.length);
  return found;
}

function listen(queue) {
  const choose = (input) => {
    queue.add(Array.from(input.files));
    input.value = ""; // the same one may be chosen again
  };
  for (const input of form.querySelectorAll("[type=file]")) {
    if (input.files.length) choose(input); // before this script was there
    input.addEventListener("change", () => choose(input));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    addAddress();
    if (queue.rows.length) queue.start();
    else form.elements.pictures[0].click();
  });

  const address = form.elements.address;
  const addAddress = () => {
    if (!address?.value.trim()) return;
    queue.add([address.value.trim()]);
    address.value = "";
  };
  queue.all.addEventListener("click", () => queue.removeAll());
  document.getElementById("add-address")?.addEventListener("click", addAddress);

  const isFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    form.classList.add("upload--over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) form.classList.remove("upload--over");
  });
  document.addEventListener("drop", async (event) => {
    form.classList.remove("upload--over");
    if (!isFiles(event)) return;
    event.preventDefault();
    const { files, numUnread } = await filesOf(event.dataTransfer);
    queue.add(files);
    if (numUnread) queue.say(filled(texts.textUnread, { num: numUnread }));
  });
  document.addEventListener("paste", (event) => {
    const files = Array.from(event.clipboardData?.files ?? []);
    if (!files.length) return;
    event.preventDefault();
    queue.add(files);
  });

  window.addEventListener("pageshow", (event) => event.persisted && queue.begin());
  window.addEventListener("beforeunload", (event) => queue.sender.isBusy && event.preventDefault());
}

function follow(recognizer) {
  const show = () => {
    for (const each of form.querySelectorAll("[data-recognizer]")) {
      each.hidden = each.dataset.recognizer !== recognizer.value;
    }
  };
  recognizer.addEventListener("change", show);
  window.addEventListener("pageshow", show); // browsers fill in what was chosen before
  show();
}

// While the first recognizer learns there is no form; the page fetches it by itself.
if (!form) document.addEventListener("htmx:afterSettle", () => {
  if (document.getElementById("upload")) location.reload();
});
if (form) {
  form.classList.add("upload--scripted");
  for (const each of form.querySelectorAll("[data-scripted]")) each.hidden = false;
  follow(form.elements.recognizer);
  listen(new Queue());
}
