// Sends a ZIP in pieces. The server says how many bytes it has, and the next piece begins there: after the
// connection broke off, and for whoever chooses the same file again on a page that was loaded anew.

const AGAIN_AFTER_MS = [1000, 2000, 4000, 8000, 15000, 30000];
const MEGABYTE = 2 ** 20;

const form = document.getElementById("studio-upload");
const texts = form.dataset;
const send = form.querySelector('[type="submit"]');
const cancel = form.querySelector("[data-cancel]");
const bar = form.querySelector("progress");
const status = form.querySelector("[data-status]");

let running = null; // an AbortController while something is being sent
let upload = ""; // what the server calls the file
let dropping = Promise.resolve(); // until the server has let go of the one before

class Refused extends Error {}

async function ask(address, body, signal) {
  const response = await fetch(address, {
    method: "POST",
    body,
    signal,
    redirect: "manual", // to the page that signs in
    headers: {
      "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      Accept: "application/json",
      ...(body instanceof Blob ? { "Content-Type": "application/octet-stream" } : {}),
    },
  });
  const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
  if (isJson) {
    const answer = await response.json();
    if (response.ok) return answer;
    throw new Refused(answer.problem ?? texts.textFailed);
  }
  if ([502, 503, 504].includes(response.status)) throw new TypeError("away");
  const isSignedOut = response.type === "opaqueredirect" || response.status === 403;
  throw new Refused(isSignedOut ? texts.textSignedOut : texts.textFailed);
}

// Ends at once when Cancel is pressed.
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", resolve, { once: true });
  });
}

// The same again while the server cannot be reached.
async function patiently(request, signal) {
  for (const wait of [...AGAIN_AFTER_MS, null]) {
    try {
      return await request();
    } catch (error) {
      if (error instanceof Refused || signal.aborted) throw error;
      if (wait === null) throw new Refused(texts.textAway);
      status.textContent = texts.textAgain;
      await pause(wait, signal);
      if (signal.aborted) throw error;
    }
  }
}

function show(received, size) {
  bar.value = size ? received / size : 0;
  const [sent, all] = [received, size].map((bytes) => (bytes / MEGABYTE).toFixed(1));
  status.textContent = texts.textSending.replace("%(sent)s", sent).replace("%(all)s", all);
}

async function sendAll(file, signal) {
  const announced = new FormData();
  announced.set("file_name", file.name);
  announced.set("num_bytes", file.size);
  announced.set("modified", file.lastModified);
  const { name } = form.elements;
  announced.set("name", name.value === name.dataset.proposed ? "" : name.value);
  const begun = await patiently(() => ask(texts.begin, announced, signal), signal);
  if (begun.address) return begun.address;
  upload = begun.upload;
  let { received } = begun;
  show(received, file.size);
  if (received) status.textContent = texts.textGoingOn;
  while (received < file.size) {
    const piece = file.slice(received, received + Number(texts.pieceBytes));
    const address = `${texts.piece}?upload=${upload}&at=${received}`;
    ({ received } = await patiently(() => ask(address, piece, signal), signal));
    show(received, file.size);
  }
  status.textContent = texts.textFinishing;
  const finish = `${texts.finish}?upload=${upload}`;
  return (await patiently(() => ask(finish, new FormData(), signal), signal)).address;
}

// On the way down: the theme looks in a page of its own for the field of a file's name, and finds none.
form.addEventListener(
  "change",
  (event) => {
    const [file] = event.target.files ?? [];
    if (!file) return;
    event.stopPropagation();
    const { name } = form.elements;
    if (!name.value || name.value === name.dataset.proposed) {
      name.value = name.dataset.proposed = file.name.replace(/\.zip$/i, "").slice(0, 190);
    }
  },
  true,
);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = form.elements.file.files;
  if (!file || running) return;
  running = new AbortController();
  const { signal } = running;
  send.disabled = true;
  cancel.hidden = bar.hidden = false;
  try {
    await dropping;
    const address = await sendAll(file, signal);
    running = null;
    location.assign(address);
  } catch (error) {
    if (!signal.aborted) {
      // A file that was changed or taken away while it was sent cannot be read any more.
      status.textContent = error instanceof Refused ? error.message : texts.textFailed;
    }
    running = null;
    send.disabled = false;
  }
});

cancel.addEventListener("click", async () => {
  if (upload) {
    dropping = ask(`${texts.drop}?upload=${upload}`, new FormData()).catch(() => {});
    upload = "";
  }
  running?.abort();
  cancel.hidden = bar.hidden = true;
  await dropping;
  status.textContent = texts.textDropped;
});

addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

// The button does nothing without this script.
send.disabled = false;
addEventListener("pageshow", () => {
  if (!running) send.disabled = false;
});
