// Keeps parts of a page up to date: loads the page again every few seconds while somebody looks at it, and takes over
// the elements with `data-live` that have changed. The focus stays where it was.

import { showLocalTimes } from "./main.js";

const stale = /** @type {HTMLElement} */ (document.getElementById("stale"));
/** What the server has sent of each element, by id. */
const known = new Map();
let timer = 0;

/** @param {Document} page */
function takeOver(page) {
  for (const element of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(element.id);
    if (!fresh || [element.innerHTML, known.get(element.id)].includes(fresh.innerHTML)) continue;
    known.set(element.id, fresh.innerHTML);
    const focused = element.contains(document.activeElement) ? document.activeElement?.id : undefined;
    element.replaceChildren(...fresh.childNodes);
    if (!fresh.dataset.seconds) element.removeAttribute("data-seconds");
    showLocalTimes(element);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const response = await fetch(location.href, { headers: { Accept: "application/json, text/html" } });
    if (response.status === 401) {
      stale.textContent = "You are signed out. Load the page again to sign in.";
      return;
    }
    if (!response.ok) throw new Error(response.statusText);
    takeOver(new DOMParser().parseFromString(await response.text(), "text/html"));
    stale.textContent = "";
  } catch {
    stale.textContent = "This is not up to date: the server does not answer. It is asked again.";
  }
  schedule();
}

function schedule() {
  const seconds = Number(document.querySelector("[data-seconds]")?.getAttribute("data-seconds"));
  if (seconds) timer = setTimeout(refresh, seconds * 1000);
}

document.addEventListener("visibilitychange", refresh);
schedule();
