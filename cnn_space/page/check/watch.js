// What was typed is checked when it has been left alone for a moment.
(ask) => () => {
  ask();
  clearTimeout(window.checkTimer);
  window.checkTimer = setTimeout(() => document.querySelector("#check-run")?.click(), 1200);
}
