/* A click on a button of a run, handed on with the run's name and what is wanted of it. */
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-run]");
  if (button) trigger("click", { run: button.dataset.run, want: button.dataset.want });
});
