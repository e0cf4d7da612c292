// The inbox with a keyboard: each key presses the button that names it. And a type-ahead for classes.

const place = document.querySelector("#inbox-place");
const said = document.querySelector("#inbox-said");
const names = [...document.querySelectorAll("#inbox-classes option")].map((option) => option.value);
const MAX_OFFERED = 8;
const ARROWS = { arrowright: "j", arrowleft: "k" };

const field = () => place.querySelector("#inbox-label");
const writes = (target) => target.matches?.("input, textarea, select");

// Keys

if (place) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || writes(event.target)) return;
    const key = event.key.toLowerCase();
    const button = place.querySelector(`[data-key="${CSS.escape(ARROWS[key] ?? key)}"]`);
    if (!button) return;
    event.preventDefault();
    if (key === "r") field().focus();
    else button.click();
  });
  place.addEventListener("click", (event) => {
    const relabel = event.target.closest('[data-key="r"]');
    if (!relabel || field().value.trim()) return;
    event.preventDefault(); // nothing is written yet
    field().focus();
  });
}

// Swaps: what was pressed keeps the focus, what has happened is read out, what comes next is loaded.

let pressed = "";
place?.addEventListener("htmx:beforeRequest", () => {
  pressed = place.contains(document.activeElement) ? document.activeElement.dataset.key : "";
});
place?.addEventListener("htmx:afterSwap", () => {
  document.querySelector("#inbox-unheard").hidden = true;
  said.textContent = place.querySelector("#inbox").dataset.told;
  if (place.querySelector("[role=alert]")) field()?.focus();
  else field()?.blur(); // htmx leaves the focus there, where keys are letters
  if (pressed) place.querySelector(`[data-key="${CSS.escape(pressed)}"]`)?.focus();
});
place?.addEventListener("htmx:afterSettle", () => prepare()); // until then attributes are put back
place?.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.responseText.includes('id="inbox"')) return;
  event.detail.shouldSwap = false; // who is signed out gets another page
  location.reload();
});
place?.addEventListener("htmx:sendError", () => {
  document.querySelector("#inbox-unheard").hidden = false;
});

const loaded = new Map(); // large pictures, so that the next one is there at once
const prepare = () => {
  for (const { dataset } of place.querySelectorAll("img[data-large]")) {
    if (loaded.has(dataset.large)) continue;
    const image = new Image();
    image.src = dataset.large;
    loaded.set(dataset.large, image);
    if (loaded.size > 30) loaded.delete(loaded.keys().next().value);
  }
  offer();
};

// Classes, while somebody writes: the first that fits is taken by Enter.

const fitting = (text) => {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const has = names.filter((name) => name.toLowerCase().includes(wanted));
  const begins = (name) => name.toLowerCase().startsWith(wanted);
  return [...has.filter(begins), ...has.filter((name) => !begins(name))].slice(0, MAX_OFFERED);
};

const offer = () => {
  const input = field();
  if (!input) return;
  input.removeAttribute("list"); // ours instead of the browser's, which takes the mouse or two keys more
  const list = document.createElement("ul");
  list.id = "inbox-offered";
  list.className = "studio-offered";
  list.setAttribute("role", "listbox");
  list.hidden = true;
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-expanded": "false",
  })) {
    input.setAttribute(name, value);
  }
  input.after(list);
  let chosen = 0;

  const choose = (number) => {
    chosen = number;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === chosen));
    if (list.children[chosen]) input.setAttribute("aria-activedescendant", list.children[chosen].id);
    else input.removeAttribute("aria-activedescendant");
  };
  const show = (found) => {
    list.replaceChildren(
      ...found.map((name, i) => {
        const option = document.createElement("li");
        option.id = `inbox-offered-${i}`;
        option.setAttribute("role", "option");
        option.textContent = name;
        return option;
      }),
    );
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    choose(0);
  };

  input.addEventListener("input", () => show(fitting(input.value)));
  input.addEventListener("keydown", (event) => {
    const num = list.children.length;
    if (event.key === "Escape") {
      input.value = "";
      show([]);
      input.blur();
    } else if (event.key === "ArrowDown" && num) choose((chosen + 1) % num);
    else if (event.key === "ArrowUp" && num) choose((chosen + num - 1) % num);
    else if (event.key === "Enter" && num && !event.isComposing) input.value = list.children[chosen].textContent;
    else return;
    if (event.key !== "Enter") event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    event.preventDefault();
    input.value = option.textContent;
    input.form.requestSubmit(input.form.querySelector('[data-key="r"]'));
  });
};

if (place) prepare();
