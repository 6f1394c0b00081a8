// An address that was opened may bring another photo while this tab is open.
(shared, own) => {
  const open = document.querySelector("#compare-photo")?.offsetParent;
  if (open && shared?.path !== own?.path) document.querySelector("#compare-again").click();
}
