// Tab leaves a list of choices, and closes it, for what follows. Gradio takes every key but Esc as a
// wish to open the list, Tab too, once the focus is gone; and a browser makes an open list a stop of
// its own, as it scrolls, with which the focus is lost when the list closes.
() => {
  const leave = (event) => {
    if (event.key !== "Tab" || !event.target.matches?.("[role=combobox]")) return;
    event.stopPropagation();
    for (const list of document.querySelectorAll("[role=listbox]")) list.tabIndex = -1;
  };
  addEventListener("keydown", leave, true);
};
