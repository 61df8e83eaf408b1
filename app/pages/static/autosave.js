// Saves answers a second after typing stops, on leaving a field and on leaving the page. What is not saved yet is kept in
// this browser, so that neither a lost connection nor the end of the session loses it.

const form = /** @type {HTMLFormElement} */ (document.getElementById("answers"));
const status = /** @type {HTMLElement} */ (document.getElementById("saved"));
const { page = "", home = "", signIn = "" } = form.dataset;
const prefix = `assay-answer:${page}:`;
const [LONGEST_PAUSE, TIME_LIMIT, MOST_KEPT_ALIVE] = [60_000, 15_000, 60_000];
const names = new Set([...new FormData(form).keys()].filter((name) => name.startsWith("answer-")));
/** Names of fields that were changed here and not saved. @type {Set<string>} */
const pending = new Set();
/** What the server may have of a field, as far as this page knows. @type {Map<string, string[]>} */
const known = new Map();
/** @type {Promise<boolean>} */
let queue = Promise.resolve(true);
let [timer, pause, stopped, leaving] = [0, 0, false, false];

/** The values of a field as JSON. @param {string} name */
const read = (name) => JSON.stringify(new FormData(form).getAll(name).filter((value) => value));

/** @param {string} name @param {string} json */
function write(name, json) {
  const values = JSON.parse(json);
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll(`[name="${name}"]`))) {
    if (field.type === "radio") field.checked = field.value === (values[0] ?? "");
    else if (field.type === "checkbox") field.checked = values.includes(field.value);
    else if (field.type !== "hidden") field.value = values[0] ?? "";
  }
}

/** @param {string} name */
function keep(name) {
  try {
    localStorage.setItem(prefix + name, JSON.stringify({ now: read(name), known: known.get(name) }));
  } catch { /* There is no room, or storage is off: the page itself still has it. */ }
}

/** @param {string} name @returns {{ now: string, known: string[] } | null} */
function kept(name) {
  try {
    return JSON.parse(localStorage.getItem(prefix + name) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} text @param {string} [href] @param {string} [label] */
function say(text, href, label) {
  status.textContent = text;
  if (!href) return;
  const link = Object.assign(document.createElement("a"), { href, textContent: label });
  if (href === signIn) link.target = "_blank";
  status.append(" ", link);
}

/** @param {string[]} changed */
function post(changed) {
  const body = new URLSearchParams({ csrf: /** @type {any} */ (form.elements.namedItem("csrf")).value });
  for (const name of changed) {
    const values = JSON.parse(read(name));
    for (const value of values.length ? values : [""]) body.append(name, value);
    known.set(name, [...(known.get(name) ?? []), read(name)].slice(-4));
    if (kept(name)) keep(name);
  }
  const keepalive = body.toString().length < MOST_KEPT_ALIVE;
  const [headers, signal] = [{ Accept: "application/json" }, AbortSignal.timeout(TIME_LIMIT)];
  return fetch(form.action, { method: "POST", body, headers, keepalive, signal });
}

/** Saves what is pending, after what is being saved; whether all is saved then. */
const save = () => (queue = queue.then(() => saveNow()));

async function saveNow(retried = false) {
  clearTimeout(timer);
  if (stopped || !pending.size) return !stopped && !form.querySelector("[aria-invalid]");
  const sent = new Map([...pending].map((name) => [name, read(name)]));
  const changed = [...pending];
  pending.clear();
  const response = await post(changed).catch(() => null);
  if (response?.ok) {
    for (const [name, value] of sent) {
      known.set(name, [value]);
      if (kept(name)?.now === value) localStorage.removeItem(prefix + name);
    }
    pause = 0;
    say(`Saved ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`);
    return saveNow();
  }
  if (response?.status === 409) return stop("This was submitted in another window; nothing more is saved.", page, "See how it goes");
  if (response?.status === 410) return stop("The time is over; nothing more is saved.", home, "Go to your assessments");
  changed.forEach((name) => pending.add(name));
  if (response?.status === 422) return showErrors((await response.json()).errors);
  if (response?.status === 403 && !retried && (await renewToken())) return saveNow(true);
  pause = Math.min(LONGEST_PAUSE, pause * 2 || 2000);
  timer = setTimeout(save, pause);
  if (response?.status === 401 || response?.status === 403) {
    say("You are signed out. What you type is kept in this browser, and saved once you are signed in again.", signIn, "Sign in in a new window");
  } else if (response) say("Not saved yet, because the server is busy. What you type is kept in this browser, and it is tried again.");
  else say("Not saved yet, because there is no connection. What you type is kept in this browser, and it is tried again.");
  return false;
}

/** @param {string} text @param {string} href @param {string} label */
function stop(text, href, label) {
  stopped = true;
  pending.clear();
  names.forEach((name) => localStorage.removeItem(prefix + name));
  say(text, href, label);
  return false;
}

/** @param {Record<string, string>} errors Sentences by the names of fields; what has no error is saved without them. */
function showErrors(errors) {
  for (const [name, text] of Object.entries(errors)) {
    pending.delete(name);
    const field = /** @type {HTMLElement} */ (form.querySelector(`[name="${name}"]`));
    field.setAttribute("aria-invalid", "true");
    field.before(Object.assign(document.createElement("p"), { className: "error", textContent: text, role: "alert" }));
  }
  if (!Object.keys(errors).length) pending.clear();
  if (pending.size) return saveNow();
  say("Not everything is saved: look at what is marked.");
  return false;
}

/** Takes the token of the session that the browser has now; whether the page is still this person's. */
async function renewToken() {
  const response = await fetch(page, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!response?.ok || response.redirected) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[name=csrf]");
  for (const field of document.querySelectorAll("[name=csrf]")) field.setAttribute("value", fresh?.getAttribute("value") ?? "");
  return Boolean(fresh);
}

/** Asks which of two answers counts: this browser's, which was never saved, or the one saved elsewhere since.
 * @param {string} name @param {string} json */
function offer(name, json) {
  const field = /** @type {HTMLElement} */ (form.querySelector(`[name="${name}"]`));
  const box = Object.assign(document.createElement("div"), { className: "warning" });
  const text = field instanceof HTMLInputElement && field.type !== "text" ? "" : ` “${JSON.parse(json)[0] ?? ""}”`;
  box.append(`You gave another answer in this browser, which could not be saved before this one was saved elsewhere.${text} `);
  for (const [label, mine] of /** @type {[string, boolean][]} */ ([["Use the answer of this browser", true], ["Keep the saved answer", false]])) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: label });
    button.addEventListener("click", () => {
      box.remove();
      localStorage.removeItem(prefix + name);
      if (mine) write(name, json), change(name, 0);
      field.focus();
    });
    box.append(button, " ");
  }
  field.closest("fieldset")?.append(box);
}

/** @param {string} name @param {number} delay */
function change(name, delay) {
  const invalid = form.querySelector(`[name="${name}"][aria-invalid]`);
  if (invalid?.previousElementSibling?.matches(".error")) invalid.previousElementSibling.remove();
  invalid?.removeAttribute("aria-invalid");
  pending.add(name);
  keep(name);
  clearTimeout(timer);
  timer = setTimeout(save, Math.max(delay, pause));
}

for (const name of names) {
  const [shown, mine] = [read(name), kept(name)];
  known.set(name, [shown]);
  if (!mine) continue;
  if (mine.now === shown) localStorage.removeItem(prefix + name);
  else if (!mine.known.includes(shown)) offer(name, mine.now);
  else write(name, mine.now), pending.add(name);
}
if (pending.size) save();

form.addEventListener("input", (event) => {
  const { name } = /** @type {HTMLInputElement} */ (event.target);
  if (names.has(name) && !stopped) change(name, 1000);
});
form.addEventListener("change", () => pause || save());
addEventListener("online", save);
addEventListener("focus", save);
document.addEventListener("visibilitychange", () => document.hidden && save());
addEventListener("pagehide", () => pending.size && post([...pending]).catch(() => null));
addEventListener("storage", ({ key, newValue }) => {
  const name = key?.startsWith(prefix) ? key.slice(prefix.length) : "";
  if (!names.has(name) || !newValue) return;
  const { now } = JSON.parse(newValue);
  if (pending.has(name)) return say("An answer was changed in another window as well; the one that is saved last counts.");
  write(name, now);
  known.get(name)?.push(now);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value;
  if (!(await save())) return /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"))?.focus();
  if (wanted === "review") location.assign(`${page}/review`);
  else if (!status.textContent) say("Everything is saved.");
});
document.querySelector(".sign-out")?.addEventListener("submit", (event) => {
  if (!pending.size || leaving) return;
  event.preventDefault();
  leaving = true;
  save().finally(() => /** @type {HTMLFormElement} */ (event.target).requestSubmit());
});
