// What a tab shows of another photo or another net than those chosen now is hidden. Without a photo
// the tab's own element has the class no-photo.
(choose, tab) => (photo, ...nets) => {
  document.getElementById(tab)?.classList.toggle("no-photo", !photo);
  choose(tab, [photo?.path ?? "", ...nets.flat().filter((one) => one != null)].join("\n"));
}
