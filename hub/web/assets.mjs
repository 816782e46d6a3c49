// Builds hub/web/static/built/ from hub/web/static/src/ and the packages of package.json.
//
// Started by `python -m hub.web.build`, which finds Node and installs the packages first. Every
// file bears a digest in its name, so that browsers may keep it for good; manifest.json says which
// file holds which asset.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import subsetFont from "subset-font";

const web = path.dirname(fileURLToPath(import.meta.url));
const source = path.join(web, "static", "src");
const target = path.join(web, "static", "built");
const fresh = `${target}.new`;
const packages = path.join(web, "..", "..", "node_modules");
const require = createRequire(import.meta.url);
// The parts of the service worker are no modules: not every browser lets them be.
const WORKERS = ["offline-worker.js", "push-worker.js", "waiting-worker.js"];

// The signs that English and the languages of Western Europe are written with.
const LATIN = [
  ...range(0x20, 0x7e),
  ...range(0xa0, 0xff),
  0x131, 0x152, 0x153, 0x2010, 0x2011, 0x2013, 0x2014, 0x2018, 0x2019, 0x201a, 0x201c, 0x201d,
  0x201e, 0x2022, 0x2026, 0x2032, 0x2033, 0x2039, 0x203a, 0x20ac, 0x2122, 0x2190, 0x2192, 0x2212,
];

// Headings are only ever set in one weight, so its axis goes; text needs 400 to 700.
const FONTS = [
  {
    asset: "heads.woff2",
    family: "Fraunces",
    folder: "fraunces",
    weight: "600",
    axes: { wght: 600 },
  },
  {
    asset: "text.woff2",
    family: "Atkinson Hyperlegible Next",
    folder: "atkinson-hyperlegible-next",
    weight: "400 700",
    axes: { wght: { min: 400, max: 700 } },
  },
];

const manifest = {};
const bundled = new Set(); // packages whose code is in the scripts

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
const faces = (await Promise.all(FONTS.map(font))).join("");
await Promise.all([styles(faces), scripts(), icons()]);
await licences();
await writeFile(path.join(fresh, "manifest.json"), `${JSON.stringify(sorted(manifest), null, 1)}\n`);
await rm(target, { recursive: true, force: true });
await rename(fresh, target);

/** Keep `content` under a name with its digest. */
async function keep(asset, content) {
  const { name, ext } = path.parse(asset);
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${digest}${ext}`;
  await writeFile(path.join(fresh, file), content);
  manifest[asset] = file;
  return file;
}

/** The @font-face rules of one family: a small file for most pages, and the rest on demand. */
async function font({ asset, family, folder, weight, axes }) {
  const files = path.join(packages, "@fontsource-variable", folder, "files");
  const file = (part) => path.join(files, `${folder}-${part}-wght-normal.woff2`);
  const text = String.fromCodePoint(...LATIN);
  const options = { targetFormat: "woff2", variationAxes: axes };
  const latin = await keep(asset, await subsetFont(await readFile(file("latin")), text, options));
  const more = await keep(`more-${asset}`, await readFile(file("latin-ext")));
  const face = (name, points) =>
    `@font-face{font-family:"${family}";font-weight:${weight};font-display:swap;` +
    `src:url(${name}) format("woff2");unicode-range:${points}}\n`;
  const extended =
    "U+100-130,U+132-151,U+154-2BA,U+1D00-1DBF,U+1E00-1EFF,U+20A0-20AB,U+20AD-20C0";
  return face(more, extended) + face(latin, ranges(LATIN));
}

async function styles(faces) {
  await style("hub.css", faces);
  await style("sheets.css", "");
  await mapStyle();
}

/** The style of the map that can be moved: that of Leaflet, whose pictures are not used, and ours. */
async function mapStyle() {
  const leaflet = await readFile(path.join(packages, "leaflet", "dist", "leaflet.css"), "utf8");
  await style("map.css", leaflet.replace(/^.*url\(images\/.*$/gm, ""));
}

async function style(name, before) {
  const built = await build({
    stdin: { contents: before + (await readFile(path.join(source, name), "utf8")), loader: "css" },
    minify: true,
    legalComments: "none",
    write: false,
    bundle: false,
  });
  await keep(name, built.outputFiles[0].text);
}

async function scripts() {
  await Promise.all(["hub.js", "map.js", "passkeys.js"].map((name) => script(name, "esm")));
  await Promise.all(WORKERS.map((name) => script(name, "iife")));
  await keep("htmx.js", await readFile(require.resolve("htmx.org/dist/htmx.min.js")));
}

async function script(name, format) {
  const built = await build({
    entryPoints: [path.join(source, name)],
    bundle: true,
    minify: true,
    format,
    target: "es2020",
    metafile: true,
    write: false,
  });
  for (const file of Object.keys(built.metafile.inputs)) {
    const [, name] = file.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/) ?? [];
    if (name) bundled.add(name);
  }
  await keep(name, built.outputFiles[0].text);
}

/** The icons that src/icons.txt names, in one file. */
async function icons() {
  const names = (await readFile(path.join(source, "icons.txt"), "utf8")).split(/\s+/).filter(Boolean);
  const symbols = await Promise.all(names.sort().map(symbol));
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
  await keep("icons.svg", sprite);
}

async function symbol(name) {
  const svg = await readFile(path.join(packages, "lucide-static", "icons", `${name}.svg`), "utf8");
  const inside = svg.replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, "").replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inside}</symbol>`;
}

/** What the authors of the packages that end up in the build ask to be told. */
async function licences() {
  const own = JSON.parse(await readFile(path.join(web, "..", "..", "package.json"), "utf8"));
  const names = new Set([...Object.keys(own.dependencies), ...bundled]);
  const texts = await Promise.all([...names].sort().map(licence));
  await writeFile(path.join(fresh, "LICENSES.txt"), texts.join("\n"));
}

async function licence(name) {
  const folder = path.join(packages, name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
  return `==== ${name} ${version} (${license})\n\n${texts.join("\n").trim()}\n`;
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Code points as CSS writes them: U+20-7E,U+A0. */
function ranges(points) {
  const found = [];
  for (const point of [...points].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && point === last[1] + 1) last[1] = point;
    else found.push([point, point]);
  }
  const hex = (point) => point.toString(16).toUpperCase();
  return found.map(([a, b]) => (a === b ? `U+${hex(a)}` : `U+${hex(a)}-${hex(b)}`)).join(",");
}

function sorted(object) {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
