// What every page does: times in the reader's own zone, and nothing of a person stays in the browser after signing out.

/** @param {ParentNode} part */
export function showLocalTimes(part) {
  for (const element of part.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    element.title = element.textContent ?? "";
    element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}

showLocalTimes(document);
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !(/** @type {HTMLElement} */ (event.target).matches(".sign-out"))) return;
  for (const key of Object.keys(localStorage)) if (key.startsWith("assay-answer:")) localStorage.removeItem(key);
});
