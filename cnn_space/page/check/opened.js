// The text of a file that was dropped, once; what has been typed since then stays.
(code) => {
  const found = document.querySelector("#check-verdict [data-of]:not(.stale) [data-opened]");
  const text = found?.dataset.opened ?? code;
  found?.remove();
  return text;
}
