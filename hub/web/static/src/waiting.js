// What was written without a connection, kept on the device until it is sent: one stored answer
// each, whose body is the form with its picture, and whose headers say what it is.

export const WAITING = "waiting";
export const READER = "x-reader"; // as in hub/web/offline.py, and so is what it says of nobody
export const NOBODY = "nobody";
const PLACE = "/post/waiting/";
const SPARE = "spare"; // where the offline worker keeps who was signed in last

/** Who reads on this device now, as the hub said last. */
export async function reader() {
  const last = await caches.match("/reader", { cacheName: SPARE });
  return last?.headers.get(READER) || NOBODY;
}

/** Whether somebody else wrote it, who was signed in here: what it is, is theirs to know. */
export function isAnothers(one, me) {
  return one.reader !== NOBODY && one.reader !== me;
}

/** All that is kept, the oldest first. */
export async function kept() {
  if (!(await caches.has(WAITING))) return [];
  const cache = await caches.open(WAITING);
  const found = await Promise.all((await cache.keys()).map(async (key) => item(key, await cache.match(key))));
  return found.sort((one, other) => one.at.localeCompare(other.at));
}

function item(key, answer) {
  const said = JSON.parse(decodeURIComponent(answer.headers.get("x-said")));
  return { ...said, id: new URL(key.url).pathname.slice(PLACE.length), form: () => answer.formData() };
}

/** Keep a form, or what became of it: `state` is waits, stranger, asks, draft or sent. */
export async function keep({ id, form, ...said }) {
  const answer = new Response(await form());
  const headers = new Headers(answer.headers);
  headers.set("x-said", encodeURIComponent(JSON.stringify(said)));
  const cache = await caches.open(WAITING);
  await cache.put(PLACE + id, new Response(await answer.blob(), { headers }));
}

export async function forget(id) {
  await (await caches.open(WAITING)).delete(PLACE + id);
}

/** One name for one writing: who writes the same twice in one form meant it once. */
export async function nameOf(form) {
  const said = [...form].filter(([name]) => name !== "csrf").map(([name, value]) => [name, value.size ?? value]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(said)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
