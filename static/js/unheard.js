// What a button asks for in the background may fail: then the page says so, where the button is. What
// the page asks for by itself is asked again by itself, and says nothing.

const texts = document.getElementById("content").dataset;

function tell({ requestConfig }, sentence) {
  if (requestConfig.verb === "get") return;
  forget(requestConfig.elt);
  const said = document.createElement("p");
  said.className = "errorlist unheard";
  said.setAttribute("role", "alert");
  said.textContent = sentence;
  requestConfig.elt.prepend(said);
}

function forget(element) {
  for (const said of element.querySelectorAll(".unheard")) said.remove();
}

document.addEventListener("htmx:beforeRequest", (event) => forget(event.detail.elt));
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => tell(event.detail, texts.textAway));
}
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 404) tell(event.detail, texts.textGone);
  else if (status === 403) tell(event.detail, texts.textSignedOut);
  else tell(event.detail, texts.textFailed);
});
// Who is signed out is sent on to the page of signing in, which is no part of this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (requestConfig.verb === "get" || xhr.status !== 200 || !xhr.responseURL) return;
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (new URL(xhr.responseURL).pathname === asked) return;
  event.detail.shouldSwap = false;
  tell(event.detail, texts.textSignedOut);
});
