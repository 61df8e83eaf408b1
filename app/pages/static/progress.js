// Shows the progress of an assessment as it goes on, and loads the result when it is there.

const progress = /** @type {HTMLElement} */ (document.getElementById("progress"));
const notice = /** @type {HTMLElement} */ (document.getElementById("connection"));
let pause = 1000;

/** @param {{ status: string, overall_progress: number, stages: { name: string, percentage: number }[] }} status */
function show(status) {
  for (const stage of [...status.stages, { name: "overall", percentage: status.overall_progress }]) {
    const bar = /** @type {HTMLProgressElement} */ (document.getElementById(`stage-${stage.name}`));
    bar.value = stage.percentage;
    /** @type {HTMLElement} */ (bar.nextElementSibling).textContent = `${Math.round(stage.percentage)} %`;
  }
}

function watch() {
  const events = new EventSource(/** @type {string} */ (progress.dataset.events));
  events.addEventListener("open", () => {
    pause = 1000;
    notice.textContent = "";
  });
  events.addEventListener("status", (event) => {
    const status = JSON.parse(event.data);
    show(status);
    if (status.status !== "submitted") {
      events.close();
      location.reload();
    }
  });
  events.addEventListener("error", () => {
    notice.textContent = "There is no connection at the moment. Your answers are being scored all the same.";
    // The browser itself tries again only while the connection breaks, not after an answer such as 503.
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(watch, pause);
    pause = Math.min(30_000, pause * 2);
  });
}
watch();
