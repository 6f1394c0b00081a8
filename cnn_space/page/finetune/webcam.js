/* The webcam of a class. What it shows and what is taken is not mirrored. */
async function openCamera(one) {
  const box = one.card.querySelector(".ft-camera");
  const video = box.querySelector("video");
  classes.forEach(closeCamera);
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch {
    one.card.querySelector("[role=status]").textContent = board().dataset.noCamera;
    return;
  }
  await video.play();
  box.hidden = false;
  box.querySelector("button").focus();
  // Out of sight (another tab, another source) it is off.
  new ResizeObserver((_, observer) => {
    if (video.offsetParent) return;
    observer.disconnect();
    closeCamera(one);
  }).observe(video);
}

function closeCamera(one) {
  const box = one.card.querySelector(".ft-camera");
  const video = box.querySelector("video");
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  box.hidden = true;
}

async function takePhoto(one) {
  const video = one.card.querySelector("video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  if (blob) addPhotos(one, [new File([blob], `webcam-${one.photos.length + 1}.jpg`)]);
}
