// Where is it? While somebody writes, this hub's own list of streets and places offers spots.

const FEWEST = 3; // letters
const PAUSE_MS = 300;

/** Let the words in the field above bring spots; without this, a button does. */
export function offerSpots(box) {
  const words = box.closest("form").elements.namedItem("location");
  const list = box.querySelector("[data-spots]");
  let waiting = 0;
  let asked = "";
  const look = async () => {
    const text = words.value.trim();
    if (text === asked || text.length < FEWEST) return;
    asked = text;
    const answer = await fetch(`${box.dataset.where}?${new URLSearchParams({ q: text, limit: "5" })}`);
    if (!answer.ok || asked !== text) return;
    show((await answer.json()).items);
  };
  const show = (items) => {
    const decimals = Number(box.dataset.decimals);
    const spots = new Map();
    for (const { latitude, longitude, words: name } of items) {
      const value = `${latitude.toFixed(decimals)},${longitude.toFixed(decimals)}`;
      if (!spots.has(value)) spots.set(value, name);
    }
    list.replaceChildren(...[...spots, ["", box.dataset.none]].map(([value, name], at) => choice(value, name, at, spots.size)));
    box.querySelector("fieldset").hidden = false;
    box.querySelector("[data-said]").textContent = spots.size ? "" : box.dataset.nothing;
  };
  words.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => look().catch(() => {}), PAUSE_MS);
  });
  box.querySelector("button").addEventListener("click", (event) => {
    event.preventDefault();
    asked = "";
    look().catch(() => {});
  });
}

function choice(value, name, at, count) {
  const box = document.createElement("div");
  const input = document.createElement("input");
  const label = document.createElement("label");
  box.className = "choice";
  Object.assign(input, { type: "radio", name: "spot", id: `spot-${at}`, value, checked: at === count });
  label.htmlFor = input.id;
  label.textContent = name;
  box.append(input, label);
  return box;
}
