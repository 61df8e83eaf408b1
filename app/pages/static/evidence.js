// Beside an essay: choosing a dimension shows only its passages, choosing a passage shows its dimensions.

for (const essay of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-essay]"))) {
  const marks = /** @type {NodeListOf<HTMLElement>} */ (essay.querySelectorAll("mark"));
  const cards = /** @type {NodeListOf<HTMLElement>} */ (essay.querySelectorAll("[data-dimension]"));
  const announcement = /** @type {HTMLElement} */ (essay.querySelector("[role=status]"));
  /** @type {HTMLElement | null} */
  let chosen = null;

  /** @param {HTMLElement | null} next What is chosen from now on: a mark or a button of a dimension. */
  const choose = (next) => {
    chosen = next;
    const names = (next?.dataset.dimensions ?? "").split(" ").filter(Boolean);
    const byDimension = next instanceof HTMLButtonElement;
    for (const mark of marks) {
      const fits = !byDimension || (mark.dataset.dimensions ?? "").split(" ").includes(names[0]);
      mark.classList.toggle("faded", !fits);
      mark.setAttribute("aria-pressed", String(mark === next));
    }
    const titles = [];
    for (const card of cards) {
      const fits = names.includes(card.dataset.dimension ?? "");
      card.classList.toggle("chosen", fits);
      // There is none where no passage was named.
      card.querySelector("button")?.setAttribute("aria-pressed", String(byDimension && fits));
      if (fits) titles.push(card.dataset.title);
    }
    if (!next) announcement.textContent = "All passages are shown.";
    else if (byDimension) announcement.textContent = `Only passages for ${titles.join(", ")} are shown.`;
    else announcement.textContent = `This passage is evidence for ${titles.join(", ")}.`;
  };

  for (const target of [...marks, .../** @type {NodeListOf<HTMLElement>} */ (essay.querySelectorAll("[data-dimension] button"))]) {
    target.hidden = false;
    target.setAttribute("aria-pressed", "false");
    target.addEventListener("click", () => choose(chosen === target ? null : target));
    if (target instanceof HTMLButtonElement) continue;
    target.tabIndex = 0;
    target.setAttribute("role", "button");
    target.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      target.click();
    });
  }
}
