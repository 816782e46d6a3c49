// Reading without a connection: the pages read last, and this week's events, stay on the device.
// Kept is only what the hub marks as everybody's. Nothing of people who are signed in bears the
// mark, and no form does; signing out forgets the rest. It stands by itself, so that the service
// worker can take it in with importScripts.

const MARK = "x-offline"; // as in hub/web/offline.py
const PAGES = "pages";
const FILES = "files"; // what pages are dressed in
const SPARE = "spare"; // the page that says there is no connection, and empty forms
const MOST_PAGES = 30;
const MOST_FILES = 60;
const WEEK = "/events?view=week";
const OFFLINE = "/offline";
const FORMS = ["/post", "/post/event", "/post/offer", "/post/want", "/post/waiting"];
const READER = "x-reader"; // as in hub/web/offline.py
const STALE_MS = 3 * 3600 * 1000;
const LEAVING = ["/sign-out", "/me/sign-out-everywhere", "/me/delete"];
const DRESS = /(?:href|src)="(\/(?:static\/|theme\.css|icons\/(?:hub-32|logo)\.png)[^"#]*)/g;
const LOOSE = { ignoreVary: true };

addEventListener("install", (event) => event.waitUntil(begin().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (origin !== location.origin) return;
  if (method === "POST" && LEAVING.includes(pathname)) event.waitUntil(caches.delete(PAGES));
  if (method !== "GET") return;
  if (mode === "navigate") event.respondWith(page(event));
  else if (/^\/(static\/|theme\.css|icons\/)/.test(pathname)) event.respondWith(file(event.request));
});

/** A page from the hub; where that cannot be reached, as it was read last. */
async function page(event) {
  let answer;
  try {
    answer = await fetch(event.request);
  } catch {
    return kept(event.request.url);
  }
  const work = [keep(PAGES, event.request.url, answer.clone()), refresh(), note(answer.headers.get(READER))];
  event.waitUntil(Promise.allSettled(work)); // a full device is no reason to show nothing
  return answer;
}

async function file(request) {
  return (await caches.match(request, LOOSE)) || fetch(request);
}

async function kept(url) {
  const form = await at(SPARE, url);
  const found = form || (await at(PAGES, url)) || (await at(SPARE, OFFLINE));
  if (!found) return Response.error();
  let html = await found.text();
  // A form has a word of its own each time; a page has one about its age ready. Their policy comes along.
  if (form) html = html.replace(/(name="once" value=")[^"]*/, `$1${crypto.randomUUID()}`);
  else html = html.replace(' hidden id="kept"', ' id="kept"');
  const headers = { "content-type": "text/html; charset=utf-8" };
  headers["content-security-policy"] = found.headers.get("content-security-policy");
  return new Response(html, { headers });
}

async function at(name, url) {
  return (await caches.open(name)).match(url, LOOSE);
}

/** Who is signed in, so that what they write without a connection is sent as theirs. */
async function note(reader) {
  if (reader === null) return;
  await (await caches.open(SPARE)).put("/reader", new Response("", { headers: { [READER]: reader } }));
}

/** Keep a page that is everybody's, and what it is dressed in. What is spare was asked for as nobody. */
async function keep(name, url, answer) {
  const pages = await caches.open(name);
  if (answer.status === 404 || answer.status === 410) await pages.delete(url, LOOSE);
  if (!answer.ok || !(answer.headers.has(MARK) || name === SPARE)) return;
  const html = await answer.clone().text();
  await pages.put(url, answer);
  if (name === PAGES) await trim(pages, MOST_PAGES);
  const files = await caches.open(FILES);
  for (const path of new Set([...html.matchAll(DRESS)].map(([, address]) => address))) {
    if (!(await files.match(path, LOOSE))) await files.add(path);
  }
  await trim(files, MOST_FILES);
}

async function trim(cache, most) {
  for (const old of (await cache.keys()).slice(0, -most)) await cache.delete(old);
}

/** At the first visit: what is always there, and the page that is being read. */
async function begin() {
  await prepare();
  const open = await clients.matchAll({ includeUncontrolled: true });
  await Promise.allSettled(open.map(first));
}

async function first({ url }) {
  const answer = await fetch(url);
  await note(answer.headers.get(READER));
  await keep(PAGES, url.split("#")[0], answer);
}

/** The page without a connection, empty forms, and this week's events, as everybody sees them. */
function prepare() {
  const always = [[PAGES, WEEK], ...[OFFLINE, ...FORMS].map((path) => [SPARE, path])];
  const asked = { credentials: "omit", cache: "no-store" };
  return Promise.allSettled(always.map(async ([name, url]) => keep(name, url, await fetch(url, asked))));
}

async function refresh() {
  const week = await at(PAGES, WEEK);
  const age = week ? Date.now() - Date.parse(week.headers.get("date")) : Infinity;
  if (!(age < STALE_MS)) await prepare();
}
