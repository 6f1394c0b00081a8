// What the keyboard needs beside what Gradio brings.
//
// Tab leaves a list of choices, and closes it, for what follows. Gradio takes every key but Esc as a
// wish to open the list, Tab too, once the focus is gone; and a browser makes an open list a stop of
// its own, as it scrolls, with which the focus is lost when the list closes.
() => {
  const leave = (event) => {
    if (event.key !== "Tab" || !event.target.matches?.("[role=combobox]")) return;
    event.stopPropagation();
    for (const list of document.querySelectorAll("[role=listbox]")) list.tabIndex = -1;
  };
  // Gradio gives each choice of a row a name of its own, so that for a browser each is alone: arrow
  // keys do nothing, and Tab stops at every one. With one name they are a group.
  const group = () => {
    for (const row of document.querySelectorAll("fieldset")) {
      const choices = row.querySelectorAll("input[type=radio]");
      for (const choice of choices) choice.name = choices[0].name;
    }
  };
  addEventListener("keydown", leave, true);
  addEventListener("keydown", group, true); // comes before the key moves anything
};
