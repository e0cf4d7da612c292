// Tables that sort. Without this script they stay in the order in which they came.
//
// A cell counts by its data-value where it has one, else by its text; what is unknown comes last.

function key(row, column) {
  const cell = row.cells[column];
  if (!cell) return null;
  const value = cell.dataset.value ?? cell.textContent.trim();
  if (value === "") return null;
  const number = Number(value);
  return cell.dataset.value === undefined || Number.isNaN(number) ? value : number;
}

function compared(a, b, collator) {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
}

function sort(table, header, collator) {
  const column = header.cellIndex;
  const isDown = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [key(row, column), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return isDown ? compared(b, a, collator) : compared(a, b, collator);
  });
  body.append(...rows.map(([, row]) => row));
}

const collator = new Intl.Collator(document.documentElement.lang || undefined, { numeric: true });
for (const table of document.querySelectorAll("table[data-sortable]")) {
  for (const header of table.tHead.rows[0].cells) {
    if ("unsorted" in header.dataset) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "studio-sort";
    button.title = `${table.dataset.sortLabel} ${header.textContent.trim()}`;
    button.append(...header.childNodes);
    button.addEventListener("click", () => sort(table, header, collator));
    header.append(button);
  }
}
