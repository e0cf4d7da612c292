// One box that selects all of a page, and how many are selected. Without this script both stay hidden, and
// each box is there.

const form = document.querySelector(".selection");
const whole = form?.querySelector(".selection__all");

if (whole) {
  const all = whole.querySelector("input");
  const bar = form.querySelector(".selection__bar");
  const boxes = [...form.querySelectorAll('input[name="selected"]')];

  const tell = () => {
    const number = boxes.filter((box) => box.checked).length;
    all.checked = number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
    bar.hidden = number === 0;
    bar.querySelector(".selection__number").textContent = number;
  };

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  for (const box of boxes) box.addEventListener("change", tell);
  whole.hidden = false;
  tell();
  addEventListener("pageshow", tell); // a browser that comes back remembers what was selected
}

// Filters that say nothing need not stand in the address.
document.querySelector(".filters__form")?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});
