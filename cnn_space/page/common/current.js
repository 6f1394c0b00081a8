// Hides at once what a tab shows of another photo or another net than those chosen now. What is
// shown says in data-of what it is of (see templates.of); it may come and go at any time. Its room
// stays, so that nothing moves. Without a photo the tab's own element has the class no-photo.
(tab) => (photo, ...nets) => {
  const mark = () => {
    for (const part of document.querySelectorAll("[data-of]")) {
      const current = window.chosen[part.dataset.tab] ?? part.dataset.of;
      part.classList.toggle("stale", part.dataset.of !== current);
      part.ariaBusy = part.dataset.of !== current;
    }
  };
  if (!window.chosen) {
    window.chosen = {};
    new MutationObserver(mark).observe(document.body, { childList: true, subtree: true });
  }
  document.getElementById(tab)?.classList.toggle("no-photo", !photo);
  window.chosen[tab] = [photo?.path ?? "", ...nets.flat().filter((one) => one != null)].join("\n");
  mark();
}
