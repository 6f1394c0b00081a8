// A click on an example asks for its picture. On a phone the answer comes into view; elsewhere
// nothing moves.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-example]");
  if (!button) return;
  trigger("click", { name: button.dataset.example });
  if (!matchMedia("(max-width: 640px)").matches) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const photo = document.querySelector("#classify-photo");
  photo.scrollIntoView({ block: "start", behavior: calm ? "instant" : "smooth" });
});
