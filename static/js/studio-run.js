/* The page of a run: its curves and its log grow while it goes on, and a change of its step is said aloud. */

const EVERY_MILLISECONDS = 2000;
const MAX_SHOWN_LINES = 2000;
const section = document.getElementById("run-curves");
const points = new Map();
const charts = new Map();
let isAsking = false;

const key = (point) => `${point.step} ${point.number}`;
const shown = (value) => (value === undefined ? "" : value.toFixed(4));

function readTable() {
  for (const row of document.querySelectorAll("#run-points tr")) {
    const [label, , ...cells] = [...row.cells].map((cell) => cell.textContent.trim());
    const point = { step: row.dataset.step, step_label: label, number: Number(row.dataset.number) };
    ["loss", "accuracy", "val_loss", "val_accuracy"].forEach((name, place) => {
      if (cells[place]) point[name] = Number(cells[place]);
    });
    points.set(key(point), point);
  }
}

function addRow(point) {
  const body = document.getElementById("run-points");
  const before = [...body.rows].find(
    (row) => row.dataset.step === point.step && Number(row.dataset.number) >= point.number,
  );
  const row = body.insertRow(before ? before.sectionRowIndex : -1);
  if (before && Number(before.dataset.number) === point.number) before.remove();
  row.dataset.step = point.step;
  row.dataset.number = point.number;
  for (const text of [
    point.step_label,
    point.number,
    shown(point.loss),
    shown(point.accuracy),
    shown(point.val_loss),
    shown(point.val_accuracy),
  ]) {
    row.insertCell().textContent = text;
  }
}

/* Layers that learn are what one wants to see; the head's folds are shown until there are any. */
function drawnStep() {
  const steps = new Set([...points.values()].map((point) => point.step));
  return ["fine-tune", "layers", "head"].find((step) => steps.has(step)) ?? [...steps][0];
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw() {
  if (!points.size) return;
  section.querySelector("[data-none]").hidden = true;
  section.querySelector(".studio-curves").hidden = false;
  section.querySelector("[data-table]").hidden = false;
  const step = drawnStep();
  const drawn = [...points.values()]
    .filter((point) => point.step === step)
    .sort((one, other) => one.number - other.number);
  const quiet = colour("--quiet");
  const grid = colour("--line");
  const lines = [
    ["", section.dataset.sayTraining, colour("--right"), []],
    ["val_", section.dataset.sayValidation, colour("--wrong"), [6, 4]],
  ];
  for (const canvas of section.querySelectorAll("[data-curve]")) {
    const name = canvas.dataset.curve;
    const datasets = lines
      .map(([prefix, label, borderColor, borderDash]) => ({
        label,
        borderColor,
        backgroundColor: borderColor,
        borderDash,
        borderWidth: 2,
        pointRadius: drawn.length > 30 ? 0 : 3,
        spanGaps: true,
        data: drawn.map((point) => point[prefix + name] ?? null),
      }))
      .filter((dataset) => dataset.data.some((value) => value !== null));
    const labels = drawn.map((point) => point.number);
    const axis = (more) => ({ ticks: { color: quiet, precision: 0 }, grid: { color: grid }, ...more });
    const options = {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: true, labels: { color: quiet, boxHeight: 0 } } },
      scales: {
        x: axis({
          title: {
            display: true,
            color: quiet,
            text: step === "head" ? section.dataset.sayFold : section.dataset.sayEpoch,
          },
        }),
        y: axis({ ticks: { color: quiet }, suggestedMax: name === "accuracy" ? 1 : undefined }),
      },
    };
    const chart = charts.get(name);
    if (chart) {
      chart.data = { labels, datasets };
      chart.options = options;
      chart.update();
    } else {
      charts.set(name, new Chart(canvas, { type: "line", data: { labels, datasets }, options }));
    }
  }
}

function addLine(line) {
  const log = document.getElementById("run-log");
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = line.at;
  item.append(time, ` ${line.text}`);
  log.append(item);
  while (log.children.length > MAX_SHOWN_LINES) log.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

async function ask() {
  let isOpen = true;
  try {
    const response = await fetch(`${section.dataset.news}?after=${section.dataset.last}`);
    if (response.ok) {
      const news = await response.json();
      section.dataset.last = news.last;
      news.lines.forEach(addLine);
      for (const point of news.points) {
        points.set(key(point), point);
        addRow(point);
      }
      if (news.points.length) draw();
      isOpen = news.is_open || news.has_more;
    }
  } catch {
    /* The server is away for a moment: asked again. */
  }
  isAsking = isOpen;
  if (isOpen) setTimeout(askIfSeen, EVERY_MILLISECONDS);
}

function askIfSeen() {
  if (document.hidden) setTimeout(askIfSeen, EVERY_MILLISECONDS);
  else ask();
}

/* A screen reader hears of a new step, not of each percent. */
let said = "";
function say() {
  const state = document.querySelector("#run-state [data-say-state]");
  const step = document.querySelector("#run-state [aria-current=step]");
  const text = [state, step?.children[1]].map((each) => each?.textContent.trim() ?? "").join(" ");
  if (said && text !== said) document.getElementById("run-said").textContent = text;
  said = text;
}

/* Somebody may resume what was interrupted while this page is open. */
function begin() {
  if (isAsking || !document.querySelector("#run-state[data-open]")) return;
  isAsking = true;
  setTimeout(askIfSeen, EVERY_MILLISECONDS);
}

readTable();
draw();
say();
const log = document.getElementById("run-log");
log.scrollTop = log.scrollHeight;
document.body.addEventListener("htmx:afterSettle", () => {
  say();
  begin();
});
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["class"] });
begin();
