// A click on a module of the map chooses it above. Runs once for the map's element.
element.addEventListener("click", (event) => {
  const name = event.target.closest("[data-module]")?.dataset.module;
  if (!name) return;
  const choices = document.querySelector("#inception-preset");
  [...choices.querySelectorAll("input")].find((input) => input.value === name).click();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  choices.scrollIntoView({ block: "start", behavior: calm ? "instant" : "smooth" });
});
