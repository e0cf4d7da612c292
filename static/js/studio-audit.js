// A press replaces its finding, and with the last button of an item the focus would be lost: it goes to
// the finding then, so that the keyboard goes on from there.
document.body.addEventListener("htmx:afterSettle", (event) => {
  const finding = event.detail.target?.id;
  const place = finding ? document.getElementById(finding) : null;
  if (place?.matches(".studio-finding") && document.activeElement === document.body) {
    place.focus({ preventScroll: true });
  }
});
