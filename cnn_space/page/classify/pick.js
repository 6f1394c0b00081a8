// A click on a class, or Enter, asks what speaks for it; one on the offer of another net asks that
// net. Runs once for the answer's element.
const pick = (event) => {
  const offer = event.target.closest("button[data-net]");
  if (offer && event.type === "click") trigger("select", { net: offer.dataset.net });
  const row = event.target.closest("li[data-label]");
  if (!row || (event.type === "keydown" && !["Enter", " "].includes(event.key))) return;
  event.preventDefault();
  for (const other of row.parentElement.children) other.ariaPressed = other === row;
  trigger("click", { label: row.dataset.label });
};
element.addEventListener("click", pick);
element.addEventListener("keydown", pick);
