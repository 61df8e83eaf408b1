// Shows the progress of an assessment as it goes on, and loads the result when it is there.

const progress = /** @type {HTMLElement} */ (document.getElementById("progress"));
const overall = /** @type {HTMLElement} */ (document.getElementById("overall"));
const events = new EventSource(/** @type {string} */ (progress.dataset.events));

events.addEventListener("status", (event) => {
  const status = JSON.parse(event.data);
  overall.textContent = `${Math.round(status.overall_progress)} %`;
  for (const stage of status.stages) {
    const bar = document.getElementById(`stage-${stage.name}`);
    if (bar instanceof HTMLProgressElement) bar.value = stage.percentage;
  }
  if (status.status !== "submitted") {
    events.close();
    location.reload();
  }
});
