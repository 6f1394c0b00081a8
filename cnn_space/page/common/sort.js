// A click on a heading of a table sorts its rows, once more the other way around. The order stays
// when the table comes anew. Runs once for the table's element.
let order = null; // {column, down}

const known = (cell) => cell.dataset.value ?? cell.innerText;
const compare = (a, b) => {
  const [one, other] = [known(a.cells[order.column]), known(b.cells[order.column])];
  if (!one || !other) return !one - !other; // what is not known stands last, either way
  const numbers = Number(one) - Number(other);
  const way = Number.isNaN(numbers) ? one.localeCompare(other) : numbers;
  return order.down ? -way : way;
};
const sort = () => {
  const body = element.querySelector("tbody");
  if (!body || !order) return;
  element.querySelectorAll("thead th").forEach((head, column) => {
    head.ariaSort = column !== order.column ? null : order.down ? "descending" : "ascending";
  });
  body.append(...[...body.rows].sort(compare));
  observer.takeRecords(); // its own changes are no reason to sort again
};
const observer = new MutationObserver(sort);
observer.observe(element, { childList: true, subtree: true });
element.addEventListener("click", (event) => {
  const head = event.target.closest("thead th");
  if (!head || !event.target.closest("button")) return;
  const again = head.cellIndex === order?.column;
  // Numbers from the largest on, words from A.
  order = { column: head.cellIndex, down: again ? !order.down : head.matches(".number") };
  sort();
});
