// What Gradio does not say of the network. While a file is on its way here a line moves at the top of
// the page: of some uploads Gradio shows nothing. And a press that could not be sent is lost with the
// page, which Gradio loads anew once the server answers: that page says so, until the next press.
() => {
  const KEY = "cnn-space-unsent";
  const page = document.documentElement;
  const kept = (act) => {
    try {
      return act(sessionStorage);
    } catch {
      return null; // a browser that keeps nothing
    }
  };
  if (kept((store) => store.getItem(KEY))) {
    kept((store) => store.removeItem(KEY));
    page.dataset.unsent = "";
    document.querySelector("#unsent").role = "alert";
    const pressed = ({ isTrusted }) => isTrusted && delete page.dataset.unsent;
    for (const press of ["pointerdown", "keydown"]) addEventListener(press, pressed, { once: true });
  }

  const plain = window.fetch;
  let uploads = 0;
  window.fetch = async (resource, options) => {
    const address = String(resource.url ?? resource);
    const isUpload = /\/gradio_api\/upload(\?|$)/.test(address);
    // A press is what the visitor did in the last seconds; the page also asks by itself.
    const isPress = /\/gradio_api\/(queue\/join|run\/)/.test(address)
      && navigator.userActivation?.isActive;
    uploads += isUpload;
    page.toggleAttribute("data-sending", uploads > 0);
    try {
      return await plain(resource, options);
    } catch (error) {
      if (isPress) kept((store) => store.setItem(KEY, "1"));
      throw error;
    } finally {
      uploads -= isUpload;
      page.toggleAttribute("data-sending", uploads > 0);
    }
  };
}
