// "Tell me on this phone": the browser says how it is reached, and the form takes it to the hub.

/** Let the button of `form` ask for it, if this browser can; else the form says why not. */
export function tellHere(form) {
  const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!able) return;
  const button = form.querySelector("button");
  form.querySelector("[data-unable]").hidden = true;
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.setAttribute("aria-disabled", "true");
    try {
      if ((await Notification.requestPermission()) !== "granted") {
        say(form, form.dataset.refused);
        return;
      }
      fill(form, await subscribed(form.dataset.push));
      form.submit();
    } catch {
      say(form, form.dataset.failed);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

/** How this browser is reached; what it said to a hub with another key is of no use. */
async function subscribed(key) {
  await navigator.serviceWorker.register(document.querySelector("script[data-worker]").dataset.worker);
  const { pushManager } = await navigator.serviceWorker.ready;
  await (await pushManager.getSubscription())?.unsubscribe();
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

function fill(form, subscription) {
  const { endpoint, keys } = subscription.toJSON();
  form.elements.endpoint.value = endpoint;
  form.elements.key.value = keys.p256dh;
  form.elements.secret.value = keys.auth;
}

function say(form, words) {
  const line = form.querySelector(".error");
  line.textContent = words;
  line.hidden = false;
}
