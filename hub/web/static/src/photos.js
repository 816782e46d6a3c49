// A picture leaves the device smaller, and without where it was taken: drawn anew, only its pixels
// are left. What the browser cannot draw goes as it is; the hub takes the place out in any case.

const LONGEST = 1600; // as hub/entries/pictures.py keeps it
const QUALITY = 0.9;
const KINDS = ["image/jpeg", "image/png"];

/** Put the picture's pixels alone into the field. */
export async function strip(field) {
  const [file] = field.files;
  if (!file || !KINDS.includes(file.type)) return;
  const drawn = await redrawn(file);
  if (!drawn || field.files[0] !== file) return;
  const files = new DataTransfer();
  files.items.add(new File([drawn], file.name, { type: drawn.type }));
  field.files = files.files;
}

async function redrawn(file) {
  const picture = await createImageBitmap(file); // upright, as its camera meant it
  const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, file.type, QUALITY));
}
