// Counts down the time of an assessment, announces its end before it comes, and counts the characters of essays.

const shown = /** @type {HTMLElement} */ (document.getElementById("time-left"));
const notice = /** @type {HTMLElement} */ (document.getElementById("time-notice"));
// By how long the page is open, because clocks of browsers may be wrong.
const end = Date.now() + 1000 * Number(shown.dataset.seconds);
/** @type {[number, string][]} */
const notices = [[0, "The time is over."], [60, "Less than one minute left."], [600, "Less than ten minutes left."]];
let last = "";

/** @param {number} count @param {string} noun */
const countOf = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function tick() {
  const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (seconds < 60) shown.textContent = "less than a minute";
  else if (hours < 10) shown.textContent = [hours && countOf(hours, "hour"), minutes && countOf(minutes, "minute")].filter(Boolean).join(" ");
  const text = notices.find(([limit]) => seconds <= limit)?.[1] ?? "";
  if (text !== last) notice.textContent = last = text;
  if (seconds) setTimeout(tick, 1000);
}
tick();

for (const area of /** @type {NodeListOf<HTMLTextAreaElement>} */ (document.querySelectorAll("textarea[data-most]"))) {
  const counter = /** @type {HTMLElement} */ (area.nextElementSibling);
  const count = () => {
    const [length, most] = [[...area.value].length, Number(area.dataset.most)];
    counter.textContent = `${length} of ${countOf(most, "character")}${length > most ? `: ${length - most} too many` : ""}`;
    counter.classList.toggle("error", length > most);
  };
  area.addEventListener("input", count);
  count();
}
