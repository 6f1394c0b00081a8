// Before Gradio draws the page: the language and the light that were chosen on it, see top.js. Until
// one is chosen the browser's own setting holds.
(() => {
  document.documentElement.dataset.early = ""; // the switches work: style.css
  try {
    localStorage.length;
  } catch {
    // A browser that keeps nothing, not even a store: without one Gradio's BrowserState breaks the
    // whole page. This one lasts as long as the page does.
    const store = new Map();
    const value = {
      getItem: (name) => store.get(name) ?? null,
      setItem: (name, text) => void store.set(name, String(text)),
      removeItem: (name) => void store.delete(name),
      clear: () => store.clear(),
    };
    Object.defineProperty(window, "localStorage", { value });
  }
  const kept = (name) => {
    try {
      return localStorage.getItem(`cnn-space-${name}`);
    } catch {
      return null; // a browser that keeps nothing
    }
  };
  const language = kept("language");
  if (language) {
    // Gradio translates the labels for navigator.language, the server the rest by this header.
    Object.defineProperty(navigator, "language", { get: () => language });
    const plain = window.fetch;
    window.fetch = (resource, options = {}) => {
      const headers = new Headers(options.headers ?? resource.headers);
      headers.set("Accept-Language", language);
      return plain(resource, { ...options, headers });
    };
  }
  const url = new URL(location);
  if (kept("theme") && !url.searchParams.has("__theme")) {
    url.searchParams.set("__theme", kept("theme")); // from where Gradio reads it
    history.replaceState(history.state, "", url);
  }
})();
