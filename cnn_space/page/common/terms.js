// A term opens its meaning beside it: the browser's own popover, which Esc or a click elsewhere
// closes. Terms come and go with what the tabs show, so the whole page is listened to.
() => {
  const MARGIN = 8; // pixels between a popover and the edge of the window
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest?.(".term > button");
      if (button) button.popoverTargetElement ??= button.nextElementSibling;
    },
    true,
  );
  document.addEventListener(
    "toggle",
    ({ target, newState }) => {
      if (!target.matches(".term > [popover]")) return;
      const button = target.previousElementSibling;
      button.ariaExpanded = newState === "open";
      const at = button.getBoundingClientRect();
      const most = document.documentElement.clientWidth - target.offsetWidth - MARGIN;
      const below = at.bottom + 6;
      const fits = below + target.offsetHeight < innerHeight;
      target.style.left = `${scrollX + Math.max(MARGIN, Math.min(at.left, most))}px`;
      target.style.top = `${scrollY + (fits ? below : at.top - 6 - target.offsetHeight)}px`;
    },
    true,
  );
};
