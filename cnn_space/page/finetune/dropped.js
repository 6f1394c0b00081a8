/* Files of a drop or of a folder that was chosen, each with the folders above it; an empty folder
   that was dropped comes without a file. */
const ofSystem = (name) => /^(\.|Thumbs\.db$|desktop\.ini$|__MACOSX)/i.test(name);

function ofInput(files) {
  return [...files]
    .map((file) => ({ folders: file.webkitRelativePath.split("/").slice(0, -1), file }))
    .filter(({ folders, file }) => ![...folders, file.name].some(ofSystem));
}

async function ofDrop(transfer) {
  // All is taken before the first wait, after which a drop is empty.
  const dropped = [...transfer.items].filter(({ kind }) => kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const one of dropped.filter(Boolean)) {
    if (one instanceof File) found.push({ folders: [], file: one });
    else await walk(one, [], found);
  }
  return found;
}

async function walk(entry, folders, found) {
  if (ofSystem(entry.name)) return;
  if (entry.isFile) {
    const file = await new Promise((done) => entry.file(done, () => done(null)));
    if (file) found.push({ folders: [...folders], file });
    return;
  }
  const reader = entry.createReader();
  const more = () => new Promise((done) => reader.readEntries(done, () => done([])));
  // A folder gives a hundred of its entries at a time.
  const before = found.length;
  for (let some = await more(); some.length; some = await more()) {
    for (const inner of some) await walk(inner, [...folders, entry.name], found);
  }
  if (found.length === before) found.push({ folders: [...folders, entry.name] });
}
