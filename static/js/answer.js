// The page of an answer: the heat map's strength, and no waiting behind other tabs.
// Answers come into the page later, so all of it listens at the document.

// A property and not a class: a hundred strengths would be a hundred classes.
document.addEventListener("input", (event) => {
  if (!event.target.matches(".look__strength")) return;
  event.target.closest(".look").style.setProperty("--strength", event.target.value / 100);
});

// Each request that waits holds one of the few connections that a browser has for all tabs.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("#poll, #others")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const waiting of document.querySelectorAll("#poll[hx-get], #others[hx-get]")) {
    htmx.trigger(waiting, "seen-again");
  }
});
