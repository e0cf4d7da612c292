// Buttons that copy a field; what they say afterwards stands in the page.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[role=status]");
  said.textContent = (await copied(field)) ? button.dataset.copied : button.dataset.notCopied;
});

async function copied(field) {
  field.select();
  try {
    // There only where the page came over TLS or from this machine.
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
