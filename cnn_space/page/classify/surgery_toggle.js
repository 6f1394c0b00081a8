// What is switched off, with the part that was clicked switched off or put back.
(cuts) => {
  const off = new Set(cuts.split(" ").filter(Boolean));
  if (!off.delete(window.clickedCut)) off.add(window.clickedCut);
  return [...off].join(" ");
};
