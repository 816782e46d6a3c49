// Posting without a connection: what a form sends in vain is kept, and sent when there is one again,
// by the browser itself where it can (Background Sync), else when a page is next opened.
// A form bears a word of its own (`once`), by which the hub takes it once however often it comes.

import { READER, WAITING, forget, keep, kept, nameOf, reader } from "./waiting.js";

const FORMS = /^\/post\/(event|offer|want|news)$/;
const LIST = "/post/waiting";
const DRAFT = "/post/draft/";
const HTML = { accept: "text/html" };
const TOKEN = /name="csrf" value="([^"]+)"/;
// No hub behind the door, or one that does not know this form any more: neither is the writer's fault.
const LATER = [401, 403, 408, 429, 502, 503, 504];

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (origin !== location.origin || method !== "POST" || mode !== "navigate") return;
  if (FORMS.test(pathname)) event.respondWith(posted(event, pathname));
});
addEventListener("message", (event) => {
  if (event.data === WAITING) event.waitUntil(sendAll());
});
addEventListener("sync", (event) => {
  if (event.tag === WAITING) event.waitUntil(sendAll().then(again));
});

/** What the hub answers to a form; where it cannot be asked, the list with the form in it. */
async function posted(event, path) {
  const copy = event.request.clone();
  let answer;
  try {
    answer = await fetch(event.request);
  } catch {
    answer = Response.error();
  }
  if (answer.type === "error" || LATER.includes(answer.status)) {
    try {
      await put(path, await copy.formData());
    } catch {
      return answer; // a full device: the page before still has it
    }
    return Response.redirect(LIST, 303);
  }
  if (answer.type === "opaqueredirect") event.waitUntil(settle(copy).catch(() => {}));
  return answer;
}

async function put(path, form) {
  const title = form.get("title") || "";
  const at = new Date().toISOString();
  const said = { path, title, reader: await reader(), at, state: "waits" };
  await keep({ id: await nameOf(form), form: () => form, ...said });
  await self.registration.sync?.register(WAITING).catch(() => {});
}

/** What waited for its writer's look was sent by hand. */
async function settle(request) {
  const waiting = (await kept()).filter(({ state }) => state === "stranger" || state === "asks");
  if (!waiting.length) return;
  const once = (await request.formData()).get("once");
  for (const one of waiting) if ((await one.form()).get("once") === once) await forget(one.id);
}

/** Send what waits, one after the other; two at once would each send all. */
function sendAll() {
  return navigator.locks.request(WAITING, async () => {
    for (const one of await kept()) if (one.state === "waits" || one.state === "stranger") await send(one);
    for (const page of await clients.matchAll()) page.postMessage(WAITING);
  });
}

/** The browser tries again by itself if it is told that something is left. */
async function again() {
  if ((await kept()).some(({ state }) => state === "waits")) throw new Error("there is no connection yet");
}

async function send(one) {
  const form = await one.form();
  let answer;
  try {
    const page = await fetch(one.path, { headers: HTML, cache: "no-store" });
    const token = TOKEN.exec(await page.text());
    if (LATER.includes(page.status) || page.status >= 500) return;
    // As somebody else, or by nobody, it goes only when its writer says so.
    if (!token || page.redirected || page.headers.get(READER) !== one.reader) return become(one, form, "stranger");
    form.set("csrf", token[1]);
    answer = await fetch(one.path, { method: "POST", body: form, headers: HTML });
  } catch {
    return become(one, form, "waits");
  }
  if (answer.redirected) {
    const { pathname, search } = new URL(answer.url);
    const state = pathname.startsWith(DRAFT) ? "draft" : "sent";
    return become(one, new FormData(), state, pathname + search);
  }
  if (answer.status < 500 && answer.status !== 429) return become(one, form, "asks");
}

function become(one, form, state, there = "") {
  return keep({ ...one, form: () => form, state, there });
}
