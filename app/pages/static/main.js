// What every page does: times in the reader's own zone, one request for a double click or a reload, and nothing of a
// person stays in the browser after signing out.

/** @param {ParentNode} part */
export function showLocalTimes(part) {
  for (const element of part.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    element.title = element.textContent ?? "";
    element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}

showLocalTimes(document);
// A page that shows a new key or secret answers a form. To load it again would send the form again, and make another.
const onReload = /** @type {HTMLAnchorElement | null} */ (document.querySelector("a[data-on-reload]"));
if (onReload) history.replaceState(null, "", onReload.href);
let sent = new WeakMap();
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (event.defaultPrevented) return;
  // After a while the same form is meant: a download leaves its page standing.
  if (form.method === "post" && Date.now() - (sent.get(form) ?? 0) < 2000) return event.preventDefault();
  sent.set(form, Date.now());
  if (!form.matches(".sign-out")) return;
  for (const key of Object.keys(localStorage)) if (key.startsWith("assay-answer:")) localStorage.removeItem(key);
});
addEventListener("pageshow", () => (sent = new WeakMap()));
