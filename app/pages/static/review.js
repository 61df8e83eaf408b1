// Reviewing by keyboard: keys press what has them in `data-key`, the focus begins where work goes on, and the item is
// given back when its page is left.

const SWITCH = "review-shortcuts";
const TYPED = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";

/** @param {string} key */
const target = (key) => /** @type {HTMLElement | null} */ (document.querySelector(`[data-key~="${CSS.escape(key)}"]`));

/** @param {HTMLElement} element */
function press(element) {
  element.focus();
  if (element instanceof HTMLInputElement && element.type === "text") element.select();
  else element.click();
}

/** @param {KeyboardEvent} event */
function pressKey(event) {
  if (localStorage.getItem(SWITCH) === "off" || event.repeat || event.isComposing || event.altKey) return;
  const saves = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  const typing = event.target instanceof Element && event.target.matches(TYPED);
  if (typing && event.key === "Escape") document.getElementById("start")?.focus();
  if (!saves && (typing || event.ctrlKey || event.metaKey)) return;
  if (event.key === "?") {
    const help = /** @type {HTMLDetailsElement | null} */ (document.getElementById("help"));
    if (!help) return;
    help.open = !help.open;
    help.querySelector("summary")?.focus();
  } else {
    const done = /** @type {HTMLElement | null} */ (document.querySelector("[data-then]"));
    const element = saves ? (!typing && done) || target("Ctrl+Enter") : target(event.key);
    if (!element) return;
    press(element);
  }
  event.preventDefault();
}

document.addEventListener("keydown", pressKey);

const box = /** @type {HTMLInputElement | null} */ (document.getElementById("shortcuts"));
if (box) {
  /** @type {HTMLElement} */ (document.getElementById("switch")).hidden = false;
  box.checked = localStorage.getItem(SWITCH) !== "off";
  box.addEventListener("change", () => localStorage.setItem(SWITCH, box.checked ? "on" : "off"));
}

// A live region speaks only of what changes after the page has loaded.
const notice = document.querySelector(".notice[role=status]");
if (notice) {
  const text = notice.textContent;
  notice.textContent = "";
  setTimeout(() => (notice.textContent = text), 100);
}
const first = document.getElementById("errors") ?? (notice && document.querySelector("[data-then]"));
/** @type {HTMLElement | null} */ (first ?? document.getElementById("start"))?.focus();

const leave = /** @type {HTMLFormElement | null} */ (document.getElementById("leave"));
if (leave) {
  addEventListener("pagehide", () => {
    const body = new URLSearchParams(/** @type {any} */ (new FormData(leave)));
    fetch(leave.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true }).catch(() => {});
  });
  // A page out of the browser's memory no longer holds the item.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}
