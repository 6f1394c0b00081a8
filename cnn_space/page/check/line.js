// A click on a line's number shows that line in the editor. Runs once for the element of a panel.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  // CodeMirror keeps its view at its own elements; Gradio gives no other way to it.
  const view = document.querySelector("#check-code .cm-content")?.cmTile?.root?.view;
  if (!button || !view) return;
  const line = view.state.doc.line(Math.min(Number(button.dataset.line), view.state.doc.lines));
  view.focus();
  view.dispatch({
    selection: { anchor: line.from, head: line.to },
    effects: view.constructor.scrollIntoView(line.from, { y: "center" }),
  });
});
