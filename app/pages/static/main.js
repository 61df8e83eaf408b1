// What every page does: times in the reader's own zone.

/** @param {ParentNode} part */
export function showLocalTimes(part) {
  for (const element of part.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    element.title = element.textContent ?? "";
    element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}

showLocalTimes(document);
