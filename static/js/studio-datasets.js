// A dataset's pictures: all of a page at once, with Shift all between two; and with the arrow keys from
// picture to picture. Without this script each box and link is there.

const form = document.querySelector(".studio-selection");
const all = form?.querySelector("[data-pick-all]");

if (all) {
  const boxes = [...form.querySelectorAll('input[name="picked"]')];
  const status = form.querySelector("[data-picked]");
  let last = null;

  const tell = () => {
    const number = boxes.filter((box) => box.checked).length;
    all.checked = number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
    status.textContent = number ? `${status.dataset.picked} ${number}` : "";
    form.classList.toggle("studio-selection--some", number > 0);
  };

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last && last !== box) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
      }
      last = box;
      tell();
    });
  }
  all.closest("label").hidden = false;
  tell();
  addEventListener("pageshow", tell); // a browser that comes back remembers what was selected
}

// Where there is room for them, the classes stand open beside the pictures.
const classes = document.querySelector("[data-open-when-wide]");
if (classes && matchMedia("(min-width: 64rem)").matches) classes.open = true;

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (isTyping || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
});
