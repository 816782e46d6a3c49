// Small kindnesses on top of pages that work without them.
import { keys } from "./keys.js";
import { listKept } from "./kept.js";
import { nearMe } from "./near.js";
import { strip } from "./photos.js";
import { tellHere } from "./push.js";
import { lookAfterWaiting } from "./waiting-page.js";
import { offerSpots } from "./where.js";

/** Say something to everyone, screen readers too. */
function tell(words) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.textContent = words;
  setTimeout(() => {
    toast.textContent = "";
  }, 4000);
}

async function copy(button) {
  try {
    const text = button.dataset.copy || document.getElementById(button.dataset.of).textContent;
    await navigator.clipboard.writeText(text);
    tell(button.dataset.done);
  } catch {
    // No clipboard (plain http, or not allowed): select the text, so that a hand can copy it.
    const text = document.getElementById(button.dataset.of);
    if (text) getSelection().selectAllChildren(text);
  }
}

async function share(button) {
  const page = { title: document.title, url: button.dataset.copy };
  if (!navigator.share) return copy(button);
  try {
    await navigator.share(page);
  } catch {
    // Closed without sharing: nothing to say.
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) (button.dataset.share === undefined ? copy : share)(button);
});

// The form waits for the picture's new pixels, so that the old ones are never sent.
let drawing = null;

document.addEventListener("submit", (event) => {
  if (!drawing) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { target, submitter } = event;
  drawing.then(() => target.requestSubmit(submitter));
});

// A second tap on a slow line must not post twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll(".button")) button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll(".button")) button.removeAttribute("aria-disabled");
  }
});

/** Fields that a choice makes needless go away: `data-if="repeat"` names the field chosen in. */
function follow(choice) {
  const on = choice.type === "checkbox" ? choice.checked : Boolean(choice.value);
  for (const field of document.querySelectorAll(`[data-if="${choice.name}"]`)) field.hidden = !on;
  for (const field of document.querySelectorAll(`[data-unless="${choice.name}"]`)) field.hidden = on;
}

/** Themes that people are shy about are shown to neighbours first, until somebody chooses. */
function theme(field) {
  const { form } = field;
  const chosen = form.elements.namedItem("chosen");
  const visibility = form.elements.namedItem("visibility");
  if (!chosen || chosen.value || !visibility) return;
  visibility.value = form.querySelector("[data-shy]:checked") ? "hub" : "public";
}

/** A choice of how pages look is seen before it is kept. */
function show(name, value) {
  const root = document.documentElement;
  if (name === "hue") root.style.setProperty("--hue", value);
  else root.dataset[name] = value;
}

document.addEventListener("input", (event) => {
  const live = event.target.closest("[data-live]");
  if (live) show(live.dataset.live, event.target.value);
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.name === "visibility") {
    const chosen = field.form.elements.namedItem("chosen");
    if (chosen) chosen.value = "yes";
  } else if (field.closest("[data-themes]")) {
    theme(field);
  } else if (field.name) {
    follow(field);
  }
  if (field.type === "file") picture(field);
  if (field.dataset.earliest) keepOrder(field);
});

function picture(field) {
  preview(field);
  const mine = strip(field)
    .catch(() => {})
    .then(() => {
      if (drawing === mine) drawing = null;
    });
  drawing = mine;
}

function preview(field) {
  const picture = document.getElementById(`${field.id}-preview`);
  const [file] = field.files;
  if (!picture || !file) return;
  // A data: address, since the page's policy allows no blob: pictures.
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    picture.src = reader.result;
    picture.hidden = false;
  });
  reader.readAsDataURL(file);
}

/** An end is never before its start. */
function keepOrder(field) {
  const end = document.getElementById(field.dataset.earliest);
  if (!end) return;
  end.min = field.value;
  if (end.value && end.value < field.value) end.value = field.value;
}

for (const box of document.querySelectorAll('input[type="checkbox"], select')) {
  if (box.name) follow(box);
}
// htmx is only fetched when somebody begins to filter: most visits never do.
for (const form of document.querySelectorAll("form[data-htmx]")) {
  let typed = false;
  const note = () => {
    typed = true;
  };
  const fetchIt = () => {
    const script = document.createElement("script");
    script.src = form.dataset.htmx;
    script.addEventListener("load", () => {
      form.removeEventListener("input", note);
      // What was typed before it was there counts too; htmx starts in a task of its own.
      if (typed) setTimeout(() => form.dispatchEvent(new Event("change")), 50);
    });
    document.head.append(script);
  };
  form.addEventListener("input", note);
  form.addEventListener("focusin", fetchIt, { once: true });
}
// A live page looks again by itself while somebody looks at it, but not while they press a button.
for (const box of document.querySelectorAll("[data-again]")) {
  const again = async () => {
    if (document.hidden || box.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(box.id);
    if (fresh && fresh.innerHTML !== box.innerHTML) box.replaceChildren(...fresh.childNodes);
  };
  setInterval(() => again().catch(() => {}), Number(box.dataset.again) * 1000);
}
for (const button of document.querySelectorAll("[data-copy][hidden], [data-print]")) button.hidden = false;
document.querySelector("[data-print]")?.addEventListener("click", () => print());
for (const button of document.querySelectorAll("[data-near]")) nearMe(button, tell);
for (const box of document.querySelectorAll("[data-where]")) offerSpots(box);
keys();
for (const form of document.querySelectorAll("[data-push]")) tellHere(form);
document.querySelector("[data-focus]")?.focus();

const worker = document.querySelector("script[data-worker]");
if (worker && navigator.serviceWorker) {
  // Where it cannot be had (a private window), pages are as good as before.
  addEventListener("load", () => navigator.serviceWorker.register(worker.dataset.worker).catch(() => {}));
  const section = document.querySelector("[data-kept]");
  if (section) listKept(section).catch(() => {});
  lookAfterWaiting().catch(() => {});
}
