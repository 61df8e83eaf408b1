// What every page does: times in the reader's own zone.

for (const element of document.querySelectorAll("time")) {
  const moment = new Date(element.dateTime);
  element.title = element.textContent ?? "";
  element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
