// The map of /map that can be moved: everything that knows Leaflet is in this file.
//
// The page is complete without it: it has the list, and a picture of the map. What is shown comes from
// the list's own address as GeoJSON, and the ground from one file of tiles; both lie on this hub, and
// nothing is asked of anybody else.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import {
  CenteredTextSymbolizer,
  LineLabelSymbolizer,
  LineSymbolizer,
  PolygonSymbolizer,
  leafletLayer,
} from "protomaps-leaflet";
import Supercluster from "supercluster";

globalThis.L = L; // where protomaps-leaflet looks for it

const CLOSEST = 18;
const DATA_CLOSEST = 14; // as in hub/maps/building/tiling.py
const NEAR = 16;
const RADIUS = 52; // pixels within which pins become one
const SETTLED_MS = 250;
const CREDIT = '<a href="https://www.openstreetmap.org/copyright" rel="noopener">© OpenStreetMap</a>';

const box = document.querySelector(".map");
const given = JSON.parse(document.getElementById("map-data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const words = given.words;
const tongue = document.documentElement.lang.replace(/^en$/, "en-GB"); // as our pages write days

/** The colour of a role as it is now: in the light or in the dark. */
function colour(role) {
  const theme = document.documentElement.dataset.theme;
  const night = theme ? theme === "dark" : dark.matches;
  return given.colours[role][night ? 1 : 0];
}

/** The ground: what is painted, from below, and the names of streets and places. */
function ground() {
  const kind = (...kinds) => (_zoom, feature) => kinds.includes(feature.props.kind);
  const area = (dataLayer, role, filter) => ({
    dataLayer,
    symbolizer: new PolygonSymbolizer({ fill: colour(role) }),
    filter: (zoom, feature) => feature.geomType === 3 && (!filter || filter(zoom, feature)),
  });
  const line = (role, widths, filter, more = {}) => ({
    dataLayer: "roads",
    symbolizer: new LineSymbolizer({ color: colour(role), width: by(widths), ...more }),
    filter,
  });
  const [road, main] = [kind("minor_road"), kind("major_road", "highway")];
  const paint = [
    area("landuse", "settled", kind("residential", "industrial", "school", "hospital", "paved")),
    area("landuse", "green", kind("park", "wood", "grass", "pitch")),
    area("water", "water"),
    {
      dataLayer: "water",
      symbolizer: new LineSymbolizer({ color: colour("water"), width: by([10, 1, 14, 3, 18, 12]) }),
      filter: (_zoom, feature) => feature.geomType === 2,
    },
    area("buildings", "house"),
    line("path", [14, 0.8, 18, 2.5], kind("path"), { dash: [3, 3] }),
    line("edge", [12, 0, 14, 3, 16, 7, 18, 16], road),
    line("edge", [9, 0, 12, 3.5, 14, 6, 16, 10, 18, 22], main),
    line("rail", [11, 0.6, 18, 3], kind("rail"), { dash: [6, 4] }),
    line("road", [12, 0.6, 14, 2, 16, 5.5, 18, 14], road),
    line("main", [6, 0.8, 12, 2.5, 14, 4.5, 16, 8, 18, 20], main),
  ];
  const font = (size) => `500 ${size}px "Atkinson Hyperlegible Next", system-ui, sans-serif`;
  const text = { fill: colour("words"), stroke: colour("land"), width: 2.5 };
  const names = [
    {
      dataLayer: "places",
      symbolizer: new CenteredTextSymbolizer({ ...text, labelProps: ["name"], font: font(14) }),
    },
    {
      dataLayer: "roads",
      symbolizer: new LineLabelSymbolizer({ ...text, labelProps: ["name"], font: font(12) }),
      filter: (_zoom, feature) => Boolean(feature.props.name),
      minzoom: 14,
    },
  ];
  return leafletLayer({
    url: new URL(given.tiles, location.origin).href,
    maxDataZoom: DATA_CLOSEST,
    maxZoom: CLOSEST,
    backgroundColor: colour("land"),
    attribution: CREDIT,
    paintRules: paint,
    labelRules: names,
    bounds: L.latLngBounds(given.reach),
    noWrap: true,
  });
}

/** A width that grows with the zoom: `[zoom, width, zoom, width …]`. */
function by(stops) {
  return (zoom) => {
    for (let at = 2; at < stops.length; at += 2) {
      if (zoom > stops[at]) continue;
      const [from, low, to, high] = stops.slice(at - 2, at + 2);
      const share = Math.max(0, (zoom - from) / (to - from));
      return low + (high - low) * share;
    }
    return stops[stops.length - 1];
  };
}

// ---------------------------------------------------------------------------------------- words

/** When something is, on the hub's clock and in the reader's language. */
function when({ starts_at: start, all_day: wholeDay }) {
  if (!start) return "";
  const day = { weekday: "short", day: "numeric", month: "short", timeZone: given.timezone };
  const clock = wholeDay ? {} : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(tongue, { ...day, ...clock }).format(new Date(start));
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function sign(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${given.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** What opens at a place: each thing with its page, and when and where it is. */
function card(things, note = "") {
  const rows = things.map(({ properties: one }) => {
    const link = element("a", { href: new URL(one.url).pathname, dir: "auto" }, one.title);
    const about = [given.names[one.type], when(one), one.place].filter(Boolean).join(" · ");
    return element("li", {}, link, element("span", { class: "meta", dir: "auto" }, about));
  });
  const list = element("ul", { class: "map-card", dir: document.documentElement.dir }, ...rows);
  return note ? element("div", {}, element("p", { class: "meta" }, note), list) : list;
}

const many = (sentence, number) => sentence.replace("%", number.toLocaleString(tongue));

// ------------------------------------------------------------------------------------ on the map

/** Pins that stand near each other become one with a number; what stays, stays where focus is. */
class Pins {
  constructor(map) {
    this.map = map;
    this.shown = new Map();
    this.index = null;
    map.on("moveend", () => this.draw());
  }

  load(features) {
    // What is at the very same place stays together however close one looks.
    this.index = new Supercluster({ radius: RADIUS, maxZoom: CLOSEST - 1 });
    this.index.load(features);
    for (const marker of this.shown.values()) marker.remove();
    this.shown.clear();
    this.draw();
  }

  draw() {
    if (!this.index) return;
    const seen = this.map.getBounds().pad(0.1);
    const sides = [seen.getWest(), seen.getSouth(), seen.getEast(), seen.getNorth()];
    const wanted = new Map();
    for (const one of this.index.getClusters(sides, Math.round(this.map.getZoom()))) {
      const { cluster_id: group, point_count: count } = one.properties;
      wanted.set(group === undefined ? one.id : `${group}/${count}`, one);
    }
    for (const [key, marker] of this.shown) {
      if (wanted.has(key)) continue;
      marker.remove();
      this.shown.delete(key);
    }
    for (const [key, one] of wanted) if (!this.shown.has(key)) this.shown.set(key, this.marker(one));
  }

  marker(feature) {
    const [longitude, latitude] = feature.geometry.coordinates;
    const { cluster_id: group, point_count: count, title, type } = feature.properties;
    const pin = group === undefined;
    const face = pin
      ? element("span", { class: "map-pin" }, sign(given.signs[type]))
      : element("span", { class: "map-several" }, count.toLocaleString(tongue));
    const icon = L.divIcon({ html: face, className: "map-mark", iconSize: [40, 40] });
    const marker = L.marker([latitude, longitude], { icon, riseOnHover: true }).addTo(this.map);
    name(marker, pin ? `${title}, ${[given.names[type], when(feature.properties)].filter(Boolean).join(", ")}` : many(words.several, count));
    if (pin) marker.bindPopup(card([feature]));
    else marker.on("click keypress", () => this.open(group, marker));
    return marker;
  }

  /** Look closer at a group; one that no zoom takes apart tells what is in it. */
  open(group, marker) {
    const zoom = this.index.getClusterExpansionZoom(group);
    if (zoom < CLOSEST) this.map.setView(marker.getLatLng(), zoom);
    else marker.unbindPopup().bindPopup(card(this.index.getLeaves(group, 50))).openPopup();
  }
}

/** Cells in which offers and wants lie: areas, not points. */
function cells(map, features) {
  const groups = new Map();
  for (const feature of features) {
    const key = feature.geometry.coordinates.join();
    groups.set(key, [...(groups.get(key) ?? []), feature]);
  }
  return L.layerGroup(
    [...groups.values()].map((things) => {
      const ring = things[0].geometry.coordinates[0].map(([longitude, latitude]) => [latitude, longitude]);
      const area = L.polygon(ring, { className: "map-cell" });
      const label = many(words.area, things.length);
      area.bindPopup(card(things, label), { maxHeight: 260 });
      area.on("add", () => {
        name(area, label);
        const path = area.getElement();
        path.setAttribute("tabindex", "0");
        path.setAttribute("role", "button");
        path.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          area.openPopup();
        });
      });
      return area;
    }),
  ).addTo(map);
}

/** What somebody hears who comes to it by keyboard. */
function name(layer, label) {
  const said = () => layer.getElement()?.setAttribute("aria-label", label);
  layer.on("add", said);
  said();
}

// --------------------------------------------------------------------------------------- the map

function begin() {
  box.replaceChildren();
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", words.map);
  const map = L.map(box, { maxZoom: CLOSEST, minZoom: 3, zoomControl: false, fadeAnimation: false });
  L.control.zoom({ zoomInTitle: words.closer, zoomOutTitle: words.farther }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  map.attributionControl.setPrefix(false);
  map.fitBounds(given.box, { animate: false });
  let layer = null;
  const lay = () => {
    box.style.backgroundColor = colour("land");
    layer?.remove();
    if (given.tiles) layer = ground().addTo(map);
  };
  lay();
  dark.addEventListener("change", lay);
  popups(map);
  return map;
}

/** A card that was opened by keyboard takes the focus, and gives it back. */
function popups(map) {
  let before = null;
  map.on("popupopen", ({ popup }) => {
    const card = popup.getElement();
    card.querySelector(".leaflet-popup-close-button")?.setAttribute("aria-label", words.close);
    before = box.contains(document.activeElement) ? document.activeElement : null;
    if (before?.matches(":focus-visible")) card.querySelector("a[href]:not([role])")?.focus();
  });
  // Leaflet hears Escape only while the map itself has the focus.
  box.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") map.closePopup();
  });
  map.on("popupclose", () => {
    if (before?.isConnected && before !== box) before.focus({ preventScroll: true });
  });
}

const map = begin();
const pins = new Pins(map);
let areas = null;

async function load(bbox = "") {
  const address = new URL(given.geojson, location.origin);
  if (bbox) address.searchParams.set("bbox", bbox);
  const answer = await fetch(address, { headers: { accept: "application/geo+json" } });
  if (!answer.ok) return { features: [] };
  const found = await answer.json();
  pins.load(found.features.filter(({ geometry }) => geometry.type === "Point"));
  areas?.remove();
  areas = cells(map, found.features.filter(({ geometry }) => geometry.type === "Polygon"));
  return found;
}

/** All of it at first, as far as it lies around here; where there is too much, what is in sight. */
async function start() {
  const found = await load();
  const bounds = L.geoJSON(found).getBounds();
  if (given.spot) L.circleMarker(given.spot, { className: "map-sought", radius: 10, interactive: false }).addTo(map);
  else if (bounds.isValid()) map.fitBounds(bounds, { maxZoom: NEAR, padding: [40, 40], animate: false });
  box.dataset.ready = String(found.features.length);
  if (!found.more) return;
  let waiting = 0;
  map.on("moveend", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => load(map.getBounds().toBBoxString()).catch(() => {}), SETTLED_MS);
  });
}

// Without a connection the list still says everything.
start().catch(() => {});
