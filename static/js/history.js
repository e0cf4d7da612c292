// One box that selects all of a page. Without this script it stays hidden, and each box is there.

const form = document.querySelector(".selection");
const whole = form?.querySelector(".selection__all");

if (whole) {
  const all = whole.querySelector("input");
  const boxes = [...form.querySelectorAll('input[name="selected"]')];

  const tell = () => {
    const number = boxes.filter((box) => box.checked).length;
    all.checked = number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
  };

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) box.addEventListener("change", tell);
  whole.hidden = false;
  tell(); // a browser that comes back remembers what was selected
}
