/* The photos that were dropped class by class are chosen again: photos.js hands them on. */
(source) => {
  if (source === "photos") document.querySelector("#ft-photos .ft-board")
    ?.dispatchEvent(new Event("chosen", { bubbles: true }));
}
