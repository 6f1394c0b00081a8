/* Photos are judged by content, on the server: the browser's own judgement is by suffix and refuses
   a HEIC, or a photo without one. And the zip of a net, wherever it is dropped in Classify, goes to
   the button that takes one. Runs once, before Gradio's own handlers. */
() => {
  // What is meant for these fields. They take any file, and the server says what is wrong with it, in
  // the visitor's language; only the dialog is told.
  const MEANT = {
    "#check-file": ".py,.ipynb,.safetensors",
    "#classify-zip": ".zip",
    "#ft-zip": ".zip",
  };
  const photoOf = (event) => event.target.closest?.("#classify-photo, #compare-photo");
  const isZip = ({ name }) => /\.zip$/i.test(name);
  const listOf = (files) => {
    const list = new DataTransfer();
    files.forEach((file) => list.items.add(file));
    return list;
  };
  const asPhotos = (files) => listOf(files.map((file) => file.type.startsWith("image/")
    ? file : new File([file], file.name, { type: "image/unknown" })));
  const takeNet = (file) => {
    const input = document.querySelector("input[type=file]:has(+ #classify-zip)");
    input.files = listOf([file]).files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const onChange = (event) => {
    if (!photoOf(event) || event.target.type !== "file") return;
    const files = [...event.target.files];
    if (files.some(isZip)) {
      event.stopImmediatePropagation();
      takeNet(files.find(isZip));
    } else if (files.some(({ type }) => !type.startsWith("image/"))) {
      event.target.files = asPhotos(files).files;
    }
  };
  const onDrop = (event) => {
    const files = [...(event.dataTransfer?.files ?? [])];
    const zip = event.target.closest?.("#classify, #compare-photo") && files.find(isZip);
    const isOdd = photoOf(event) && files.some(({ type }) => !type.startsWith("image/"));
    if (!zip && !isOdd) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (zip) takeNet(zip);
    else event.target.dispatchEvent(
      new DragEvent("drop", { dataTransfer: asPhotos(files), bubbles: true, cancelable: true }));
  };
  // The dialog of a computer shows all files; a phone's asks for its photos or the camera.
  const onClick = (event) => {
    for (const [field, kinds] of Object.entries(MEANT)) {
      if (!event.target.closest?.(field)) continue;
      const inputs = document.querySelectorAll(`${field} input[type=file], input[type=file]:has(+ ${field})`);
      inputs.forEach((input) => { input.accept = kinds; });
    }
    if (!matchMedia("(pointer: fine)").matches) return;
    photoOf(event)?.querySelectorAll("input[type=file]").forEach((i) => i.removeAttribute("accept"));
  };
  const onDragOver = (event) => event.target.closest?.("#classify") && event.preventDefault();

  const handlers = { change: onChange, drop: onDrop, click: onClick, dragover: onDragOver };
  for (const [name, handler] of Object.entries(handlers)) addEventListener(name, handler, true);
}
