"use strict";
const points = JSON.parse(document.getElementById("points").textContent);
const range = document.getElementById("at"), says = document.getElementById("says"), mark = document.getElementById("mark");
const count = (number) => number.toLocaleString("en");
function show() {
  const point = points[range.value];
  if (!point) return;
  mark.setAttribute("x1", +range.value + .5); mark.setAttribute("x2", +range.value + .5);
  let text = `Up to event ${count(point[0])}: at most ${count(point[1])} bytes live, ${count(point[2])} blocks at the end`;
  if (point[3] !== null) text += `; ${point[3].toFixed(0)} % of the free bytes outside of the longest gap, which has ${count(point[4])} bytes`;
  says.textContent = text + ".";
  range.setAttribute("aria-valuetext", text);
}
if (range) { range.addEventListener("input", show); show(); }
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), row = head.parentElement, table = row.closest("table"), column = [...row.children].indexOf(head);
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of row.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (line) => { const cell = line.children[column]; return cell.dataset.n === undefined ? cell.textContent : +cell.dataset.n; };
    const body = table.tBodies[0];
    const sorted = [...body.rows].sort((a, b) => { const x = value(a), y = value(b); return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1); });
    body.append(...sorted);
  });
}
