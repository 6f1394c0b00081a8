// Questions are numbered: what is shown is of another one, until the answer to this one is there.
(choose) => (_, ...asked) => {
  window.questions = (window.questions ?? 0) + 1;
  choose("check", String(window.questions));
  return [window.questions, ...asked];
}
