// Hides at once what a tab shows of anything but what is chosen there now, "of": nothing that is
// known yet, from when another photo is on its way here. What is shown says in data-of what it is of
// (see templates.noted); it may come and go at any time. Its room stays, so that nothing moves.
(tab, of) => {
  const mark = () => {
    const coming = document.querySelector("[id$=-photo] .uploading");
    const isNew = coming && coming !== window.coming; // once: what is chosen afterwards counts
    window.coming = coming;
    for (const part of document.querySelectorAll("[data-of]")) {
      if (isNew && part.closest("[role=tabpanel]")?.contains(coming))
        window.chosen[part.dataset.tab] = "";
      const current = window.chosen[part.dataset.tab] ?? part.dataset.of;
      part.classList.toggle("stale", part.dataset.of !== current);
      part.ariaBusy = part.dataset.of !== current;
    }
  };
  if (!window.chosen) {
    window.chosen = {};
    new MutationObserver(mark).observe(document.body, { childList: true, subtree: true });
  }
  window.chosen[tab] = of;
  mark();
}
