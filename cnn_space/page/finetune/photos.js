/* Photos class by class: dropped, chosen, or taken with the webcam (webcam.js, dropped.js). Each is
   uploaded as it comes, at most four at a time. Once all are there, the event "submit" hands on
   which belong to which class; Python judges them by content, so that any file may come. */
const SHOWN = 12; // photos of a class that are shown
const classes = []; // {folders, photos, card}; a photo is {file, path, failed, button}
const waiting = []; // [class, photo] to be uploaded
let made = 0; // classes so far, those taken away included
let uploading = 0;
let over = 0; // photos beyond the limit, which stay at home
let timer;

const board = () => element.querySelector(".ft-board");
const filled = (text, ...values) => values.reduceRight(
  (sentence, value, i) => sentence.replace("#".repeat(i + 1), () => value), text);
const ofCard = (node) => classes.find(({ card }) => card === node?.closest(".ft-class"));

function addClass(folders) {
  made += 1;
  const name = filled(board().dataset.class, made);
  classes.push({ folders: folders ?? [name], photos: [], isNamed: Boolean(folders) });
  draw(classes.at(-1));
  return classes.at(-1);
}

function removeClass(one) {
  closeCamera(one);
  one.photos.forEach(forget);
  one.card.remove();
  classes.splice(classes.indexOf(one), 1);
}

/* The name in a class's field, whether it has been left or not; tells whether it is a new one. */
function takeName(one) {
  const typed = one.card.querySelector("[type=text]").value.trim();
  if (!typed || typed === one.folders.join("/")) return false;
  Object.assign(one, { folders: [typed], isNamed: true });
  return true;
}

function addPhotos(one, chosen) {
  const files = chosen.filter(({ name }) => !ofSystem(name));
  const room = board().dataset.most - classes.reduce((sum, { photos }) => sum + photos.length, 0);
  over += Math.max(0, files.length - room);
  for (const file of files.slice(0, Math.max(0, room))) {
    one.photos.push({ file });
    waiting.push([one, one.photos.at(-1)]);
  }
  draw(one);
  while (uploading < 4 && waiting.length) uploadNext();
  send();
}

async function uploadNext() {
  const [one, photo] = waiting.shift();
  uploading += 1;
  try {
    photo.path = (await upload(await shrunk(photo.file, board().dataset.side))).path;
  } catch {
    photo.failed = true;
  }
  uploading -= 1;
  draw(one);
  if (waiting.length) uploadNext();
  else send();
}

/* After the last change, and once nothing is on its way. */
function send(wait = 600) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (uploading || waiting.length) return;
    classes.forEach(takeName);
    const offered = classes.map(({ folders, photos }) => ({
      folders,
      files: photos.filter(({ path }) => path).map(({ file, path }) => ({ name: file.name, path })),
    }));
    trigger("submit", { classes: offered });
  }, wait);
}

/* A class as it is now; its card is made where it has none. */
function draw(one) {
  if (!one.card?.isConnected) {
    if (one.card) closeCamera(one);
    one.card = board().querySelector("[hidden] > .ft-class").cloneNode(true);
    board().querySelector(".ft-classes").append(one.card);
    one.card.querySelector("[type=text]").value = one.folders.join("/");
  }
  const { dataset } = board();
  const count = one.photos.length;
  const done = one.photos.filter(({ path, failed }) => path || failed).length;
  const failed = one.photos.filter((photo) => photo.failed).length;
  const parts = [count === 1 ? dataset.one : filled(dataset.many, count)];
  if (done < count) parts[0] = filled(dataset.coming, done, count);
  if (failed) parts.push(filled(dataset.failed, failed));
  if (over) parts.push(filled(dataset.over, over));
  one.card.querySelector("[role=status]").textContent = count || over ? parts.join(" · ") : "";
  one.card.querySelector(".ft-thumbs").replaceChildren(
    ...one.photos.slice(0, SHOWN).map((photo) => thumbnail(one, photo)),
    ...(count > SHOWN ? [`+${count - SHOWN}`] : []),
  );
}

/* A click takes the photo out. What the browser cannot show (HEIC) is shown by its suffix. */
function thumbnail(one, photo) {
  if (photo.button) return photo.button;
  const { name } = photo.file;
  const button = (photo.button = document.createElement("button"));
  const image = document.createElement("img");
  button.type = "button";
  button.ariaLabel = button.title = filled(board().dataset.takeOut, name);
  image.alt = "";
  image.onerror = () => image.replaceWith(name.split(".").slice(1).at(-1)?.slice(0, 5) ?? "?");
  image.src = photo.file instanceof File ? URL.createObjectURL(photo.file)
    : `${window.gradio_config.root}/gradio_api/file=${encodeURI(photo.path)}`;
  button.append(image);
  button.onclick = () => {
    forget(photo);
    one.photos.splice(one.photos.indexOf(photo), 1);
    over = 0;
    draw(one);
    send();
  };
  return button;
}

const forget = ({ button }) => button?.firstChild.src && URL.revokeObjectURL(button.firstChild.src);

const filesOf = (found) => found.flatMap(({ file }) => file ?? []);

/* A zip holds classes of its own: it is said where it goes. */
function withoutZips(found) {
  const photos = found.filter(({ file }) => !/\.zip$/i.test(file?.name));
  board().querySelector(".ft-zip-note").hidden = photos.length === found.length;
  return photos;
}

/* Photos by their folders: [{folders, file}]. Folders that all share are looked through. */
function place(found) {
  classes.forEach(takeName);
  while (found.length && found.every(({ folders }) =>
    folders.length > 1 && folders[0] === found[0].folders[0])) {
    found.forEach(({ folders }) => folders.shift());
  }
  if (found.some(({ folders }) => folders.length)) {
    classes.filter(({ isNamed, photos }) => !isNamed && !photos.length).forEach(removeClass);
  }
  for (const name of new Set(found.map(({ folders }) => folders.join("/")))) {
    const members = found.filter(({ folders }) => folders.join("/") === name);
    const same = classes.find(({ folders, photos }) =>
      name ? folders.join("/") === name : !photos.length);
    addPhotos(same ?? addClass(name ? members[0].folders : undefined), filesOf(members));
  }
}

const actions = {
  add: () => addClass().card.querySelector("[type=text]").focus(),
  folder: () => board().querySelector("[data-kind=folder]").click(),
  files: (one) => one.card.querySelector("[data-kind=files]").click(),
  remove: (one) => { removeClass(one); over = 0; send(); },
  camera: (one) => openCamera(one),
  close: (one) => closeCamera(one),
  take: (one) => takePhoto(one),
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do](ofCard(button));
});
element.addEventListener("focusin", ({ target }) => target.type === "text" && target.select());
element.addEventListener("change", ({ target }) => {
  const one = ofCard(target);
  if (target.dataset.kind === "files") {
    addPhotos(one, filesOf(withoutZips([...target.files].map((file) => ({ file })))));
  } else if (target.dataset.kind === "folder") place(ofInput(target.files));
  else if (takeName(one)) send(0); // a click on Train may have been what left the field
  else target.value = one.folders.join("/");
  if (target.type === "file") target.value = "";
});
const mark = (target) => {
  element.querySelector(".ft-over")?.classList.remove("ft-over");
  target?.classList.add("ft-over");
};
element.addEventListener("dragover", (event) => {
  event.preventDefault();
  mark(event.target.closest(".ft-class") ?? board());
});
element.addEventListener("dragleave", () => mark());
element.addEventListener("drop", async (event) => {
  event.preventDefault();
  mark();
  const one = ofCard(event.target);
  const found = withoutZips(await ofDrop(event.dataTransfer));
  if (one) addPhotos(one, filesOf(found));
  else place(found);
});
/* Other images were read meanwhile, and now these are chosen again. */
element.addEventListener("chosen", () => classes.some(({ photos }) => photos.length) && send());

/* A page that comes back has the classes that it had. */
function start() {
  if (!board()) return;
  const { classes: before } = JSON.parse(board().dataset.dropped);
  if (classes.length) classes.forEach(draw);
  else if (before.length) before.forEach(({ folders, files }) => {
    const photos = files.map(({ name, path }) => ({ file: { name }, path }));
    draw(classes[classes.push({ folders, photos, isNamed: true }) - 1]);
    made += 1;
  });
  else { addClass(); addClass(); }
}
watch("value", start);
start();
