// The buttons of the board show what is switched off.
(cuts) => {
  const off = new Set(cuts.split(" "));
  for (const button of document.querySelectorAll("#surgery-board button[data-cut]")) {
    button.ariaPressed = off.has(button.dataset.cut);
  }
};
