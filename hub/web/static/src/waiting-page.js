// The list of what waits on this device, and the word about it on every other page.

import { NOBODY, WAITING, forget, isAnothers, kept, reader } from "./waiting.js";

/** Let what waits be sent, and show what became of it. */
export async function lookAfterWaiting() {
  const list = document.querySelector("[data-waiting]");
  const show = list ? () => fill(list) : hint;
  navigator.serviceWorker.addEventListener("message", ({ data }) => data === WAITING && show());
  addEventListener("online", send);
  await show();
  if (list || (await kept()).length) await send();
}

async function send() {
  (await navigator.serviceWorker.ready).active.postMessage(WAITING);
}

async function hint() {
  const line = document.getElementById("waits");
  const me = await reader();
  if (line) line.hidden = (await kept()).every((one) => isAnothers(one, me));
}

async function fill(list) {
  const me = await reader();
  const items = (await kept()).filter((one) => one.state !== "sent" || !isAnothers(one, me));
  const focused = document.activeElement?.closest?.("[data-id]")?.dataset.id;
  list.replaceChildren(...items.map((one) => row(one, list, isAnothers(one, me))));
  document.querySelector("[data-nothing]").hidden = items.length > 0;
  if (focused) list.querySelector(`[data-id="${focused}"] button`)?.focus();
}

function row(one, list, another) {
  const mine = one.state === "stranger" && one.reader === NOBODY ? "nobody" : one.state;
  const state = another ? "stranger" : mine;
  const made = document.querySelector(`template[data-state="${state}"]`).content.cloneNode(true);
  made.firstElementChild.dataset.id = one.id;
  if (!another) {
    made.querySelector("h2").textContent = one.title || one.path;
    made.querySelector(".unseen").textContent = ` ${one.title}`;
  }
  const there = made.querySelector("[data-there]");
  if (there) there.href = one.there;
  there?.addEventListener("click", () => forget(one.id));
  const deeds = { try: send, send: () => byHand(one, list.dataset.waiting), forget: () => forget(one.id).then(() => fill(list)) };
  for (const button of made.querySelectorAll("[data-deed]")) button.addEventListener("click", deeds[button.dataset.deed]);
  return made;
}

/** Send it as the form that it was: the hub's answer is the page to go on with. */
async function byHand(one, token) {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: one.path, enctype: "multipart/form-data", hidden: true });
  const said = await one.form();
  said.set("csrf", token);
  for (const [name, value] of said) {
    const field = document.createElement("input");
    field.name = name;
    if (value instanceof File) {
      field.type = "file";
      const files = new DataTransfer();
      if (value.size) files.items.add(value);
      field.files = files.files;
    } else {
      field.type = "hidden";
      field.value = value;
    }
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}
