// What the service worker does with messages of this hub (Web Push): show them, and open what they
// are about.

addEventListener("push", (event) => {
  const { title, path } = event.data.json();
  const shown = { data: { path }, tag: path, icon: "/icons/hub-192.png" };
  event.waitUntil(registration.showNotification(title, shown));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(look(event.notification.data.path));
});

/** Show a page of this hub, in a window that is open already if there is one. */
async function look(path) {
  const url = new URL(path, location.origin);
  if (url.origin !== location.origin) return;
  const [open] = await clients.matchAll({ type: "window" });
  if (!open) {
    await clients.openWindow(url);
    return;
  }
  await open.focus();
  await open.navigate(url).catch(() => clients.openWindow(url));
}
