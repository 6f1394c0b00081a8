// The buttons at the top of the page. Language and light are kept in this browser: early.js.
(action) => () => {
  const keep = (name, value) => {
    try {
      localStorage.setItem(`cnn-space-${name}`, value);
    } catch {} // a browser that keeps nothing
  };
  const actions = {
    copy() {
      const url = new URL(location);
      url.searchParams.delete("__theme"); // whoever opens it has their own
      const button = document.querySelector("#copy-link");
      const copied = () => {
        button.classList.add("copied");
        setTimeout(() => button.classList.remove("copied"), 1500);
      };
      const shown = () => prompt("", url.href);
      if (!navigator.clipboard) return void shown();
      navigator.clipboard.writeText(url.href).then(copied, shown);
    },
    language() {
      keep("language", document.documentElement.lang.startsWith("ko") ? "en" : "ko");
      location.reload();
    },
    theme() {
      const dark = document.body.classList.toggle("dark");
      keep("theme", dark ? "dark" : "light");
      const url = new URL(location);
      url.searchParams.delete("__theme");
      history.replaceState(history.state, "", url);
    },
  };
  actions[action]();
};
