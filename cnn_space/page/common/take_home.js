// A click on SVG or PNG saves the drawing beside it as a file (macros.html: picture, slide), in the
// light colours of a page in print. What can be saved comes and goes with what the tabs show, so
// the whole page is listened to. `picture` is the function in picture.js.
(picture) => () => {
  const SHARP = 2; // pixels of a PNG for one of the screen …
  const MOST = 4e7; // … as far as browsers draw so many

  // The parts of a slide beside each other's context, in the width of a slide, for a moment.
  const stage = ({ parts, width }) => {
    const slide = document.createElement("div");
    slide.className = "slide";
    slide.style.width = `${width}px`;
    slide.append(...[...document.querySelectorAll(parts)].map((part) => part.cloneNode(true)));
    document.querySelector(".gradio-container .contain").append(slide);
    return slide;
  };

  // All of it happens between two frames: nobody sees the page change.
  const drawn = (box) => {
    const { classList } = document.body;
    const dark = classList.contains("dark");
    const slide = box.dataset.parts && stage(box.dataset);
    const scrolled = [...box.querySelectorAll("*")].filter((part) => part.scrollLeft);
    const places = scrolled.map((part) => part.scrollLeft);
    classList.remove("dark");
    classList.add("drawing");
    for (const part of scrolled) part.scrollLeft = 0;
    try {
      return picture(slide || box);
    } finally {
      scrolled.forEach((part, i) => (part.scrollLeft = places[i]));
      classList.remove("drawing");
      classList.toggle("dark", dark);
      if (slide) slide.remove();
    }
  };

  const rendered = async ({ width, height, text }) => {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const scale = Math.min(SHARP, Math.sqrt(MOST / (width * height)));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  };

  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };

  document.addEventListener("click", async (event) => {
    const kind = event.target.closest?.("[data-take]")?.dataset.take;
    if (!kind) return;
    const box = event.target.closest("[data-picture]");
    const words = `CNN Space ${box.dataset.picture}`.toLowerCase().match(/[\p{L}\p{N}]+/gu);
    const made = drawn(box);
    const blob = kind === "png" ? await rendered(made) : new Blob([made.text], { type: "image/svg+xml" });
    save(blob, `${words.join("-")}.${kind}`);
  });
}
