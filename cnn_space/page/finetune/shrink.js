/* A phone's photo has a hundred times the pixels that a net sees: large ones are reduced before
   they are uploaded, to twice the side that is kept. What has other depths or no loss (PNG, TIFF)
   goes as it is, as does all where a browser disturbs its canvas to hide who it is. */
const LARGE = 1e6; // bytes
const LOSSY = /^image\/(jpe?g|heic|heif|webp)$/;

function painted(width, height, paint) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  paint(context);
  return canvas;
}

function isTrue() {
  const canvas = painted(16, 16, (context) => {
    for (let i = 0; i < 256; i += 1) {
      context.fillStyle = `rgb(${i}, ${255 - i}, ${(7 * i) % 256})`;
      context.fillRect(i % 16, i >> 4, 1, 1);
    }
  });
  const { data } = canvas.getContext("2d").getImageData(0, 0, 16, 16);
  return data.every((value, i) =>
    value === [i >> 2, 255 - (i >> 2), (7 * (i >> 2)) % 256, 255][i % 4]);
}

async function shrunk(file, side) {
  if (file.size < LARGE || !LOSSY.test(file.type) || !isTrue()) return file;
  try {
    const photo = await createImageBitmap(file); // upright, in sRGB
    const scale = side / Math.min(photo.width, photo.height);
    if (scale >= 1) return file;
    const [width, height] = [photo.width, photo.height].map((pixels) => Math.round(pixels * scale));
    const canvas = painted(width, height, (c) => c.drawImage(photo, 0, 0, width, height));
    photo.close();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
    return blob ? new File([blob], file.name, { type: blob.type }) : file;
  } catch {
    return file; // the server knows more formats, and says what it cannot read
  }
}
