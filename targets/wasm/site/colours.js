// The map's colours. They are those of the legend's swatches, which are CSS; here they become numbers.

const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Any CSS colour, as red, green, blue. */
export function rgb(css) {
  probe.fillStyle = css;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

export const resolved = (element, property = "backgroundColor") => getComputedStyle(element)[property];

/** A ramp from dark violet to light yellow: small blocks to large ones. Lightness alone tells neighbours apart, for readers with few hues. */
function ramp(at, of) {
  const t = of > 1 ? at / (of - 1) : 0;
  const light = `oklch(${0.33 + 0.52 * t} ${0.13 + 0.03 * t} ${318 - 220 * t})`;
  const dark = `oklch(${0.43 + 0.51 * t} ${0.12 + 0.05 * t} ${326 - 220 * t})`;
  return `light-dark(${light}, ${dark})`;
}

const FIXED = [
  ["free", "free", "A free run: any request can have it"],
  ["large", "large block", "One live block that is larger than the classes"],
  ["tables", "tables", "larder's own tables"],
  ["spare", "empty page", "An empty page: any class or large block can have it"],
  ["unknown", "", ""],
];

function swatch(name, css, extra = "") {
  const element = document.createElement("i");
  element.className = `swatch ${extra}`;
  element.dataset.colour = name;
  element.style.background = css;
  return element;
}

/** Fills the legend. Swatches are in the order of the palette, by `data-colour`. */
export function fillLegend(list, classes) {
  classes.forEach((size, at) => {
    const item = document.createElement("li");
    item.className = "of-class";
    item.title = `Blocks of up to ${size} bytes; the paler half: free blocks in their pages`;
    const css = ramp(at, classes.length);
    item.append(swatch(5 + at, css), swatch(5 + classes.length + at, `color-mix(in srgb, ${css} 30%, var(--map-free))`, "half"), `${size} B`);
    list.append(item);
  });
  FIXED.forEach(([name, words, title], at) => {
    const item = document.createElement("li");
    item.title = title;
    item.hidden = words === "";
    item.append(swatch(at, `var(--map-${name})`), words);
    list.append(item);
  });
}

/** The palette as numbers, as the modules want it. */
export function palette(list, length) {
  const colours = new Uint32Array(length);
  for (const element of list.querySelectorAll("[data-colour]")) {
    const [red, green, blue] = rgb(resolved(element));
    colours[Number(element.dataset.colour)] = (0xff << 24 | blue << 16 | green << 8 | red) >>> 0;
  }
  return colours;
}

/** A colour of the page. */
export function token(name) {
  const element = document.createElement("i");
  element.style.color = `var(--${name})`;
  document.body.append(element);
  const [red, green, blue] = rgb(resolved(element, "color"));
  element.remove();
  return `rgb(${red} ${green} ${blue})`;
}
