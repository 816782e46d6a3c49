// The page without a connection lists what the service worker has kept.

export async function listKept(section) {
  const pages = await caches.open("pages");
  const list = section.querySelector("ul");
  for (const request of (await pages.keys()).reverse()) {
    const answer = await pages.match(request, { ignoreVary: true });
    const { title } = new DOMParser().parseFromString(await answer.text(), "text/html");
    const { pathname, search } = new URL(request.url);
    const link = document.createElement("a");
    link.href = pathname + search;
    link.textContent = title.split(" · ")[0];
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  section.hidden = !list.children.length;
}
