/* A click on a cell of the confusion matrix, handed on with the cell's place. */
element.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-cell]");
  if (cell) trigger("click", { cell: cell.dataset.cell });
});
