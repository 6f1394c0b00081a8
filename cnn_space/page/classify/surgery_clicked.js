// A click on a button of the board or of what is switched off: which one it was, for toggle.js.
// Runs once for the element.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-cut]");
  if (!button) return;
  window.clickedCut = button.dataset.cut;
  trigger("click");
});
