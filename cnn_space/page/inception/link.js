// Puts the form into the page's address, so that a link opens the same module; with `copy` the
// link goes to the clipboard too. `names` are those of the form's values.
(names, copy) => (...values) => {
  const url = new URL(location);
  names.forEach((name, i) => url.searchParams.set(name, values[i] ?? ""));
  history.replaceState(history.state, "", url);
  if (!copy) return;
  const button = document.querySelector("#inception-link");
  const copied = () => {
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  };
  const shown = () => prompt("", location.href);
  if (!navigator.clipboard) return void shown();
  navigator.clipboard.writeText(location.href).then(copied, shown);
};
