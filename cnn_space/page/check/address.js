// Puts the open part of the Inception tab into the page's address, so that a reload finds it again.
(tab) => () => {
  const url = new URL(location);
  if (tab) url.searchParams.set("tab", tab);
  else url.searchParams.delete("tab");
  history.replaceState(history.state, "", url);
};
