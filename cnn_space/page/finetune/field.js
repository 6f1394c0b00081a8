/* Marks the field that this sentence is about, while there is one. */
let marked;
const mark = () => {
  const why = element.querySelector("[data-field]");
  marked?.removeAttribute("aria-invalid");
  marked?.removeAttribute("aria-describedby");
  marked = why && document.querySelector(`#${why.dataset.field} input`);
  marked?.setAttribute("aria-invalid", "true");
  marked?.setAttribute("aria-describedby", why.id);
};
watch("value", mark);
mark();
