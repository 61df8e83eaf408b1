// Saves answers a second after typing stops, and when the reader leaves a field or the page.

const form = /** @type {HTMLFormElement} */ (document.getElementById("answers"));
const status = /** @type {HTMLElement} */ (document.getElementById("saved"));
let timer = 0;

async function save() {
  clearTimeout(timer);
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
    status.textContent = response.ok ? `Saved ${new Date().toLocaleTimeString([], { timeStyle: "short" })}` : "Not saved";
  } catch {
    status.textContent = "Not saved: no connection. It is tried again.";
    timer = setTimeout(save, 5000);
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(save, 1000);
});
form.addEventListener("change", save);
