// A click on a class, or Enter, asks what speaks for it. Runs once for the answer's element.
const pick = (event) => {
  const row = event.target.closest("li[data-label]");
  if (!row || (event.type === "keydown" && !["Enter", " "].includes(event.key))) return;
  event.preventDefault();
  for (const other of row.parentElement.children) other.ariaPressed = other === row;
  trigger("click", { label: row.dataset.label });
};
element.addEventListener("click", pick);
element.addEventListener("keydown", pick);
