// Colours as different eyes see them, and how far apart they are: in Oklab, where 1 is from black to white and 0.02 is just seen.

// Machado, Oliveira and Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), full severity.
const EYES = {
  most: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const product = (matrix, vector) => matrix.map((row) => row.reduce((sum, part, at) => sum + part * vector[at], 0));
const linear = (part) => (part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);

function oklab(light) {
  const cones = product([[0.41222147, 0.53633254, 0.05144599], [0.21190350, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.62997870]], light);
  return product([[0.21045426, 0.79361779, -0.00407205], [1.97799850, -2.42859221, 0.45059371], [0.02590404, 0.78277177, -0.80867577]], cones.map(Math.cbrt));
}

const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

/** Any CSS colour as red, green, blue; and how opaque it is. */
function paint(css) {
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = css;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data];
}
const getColour = (css) => paint(css).slice(0, 3);

/** A text's contrast with what is behind it, as the Web Content Accessibility Guidelines define it. */
function contrast(element) {
  let behind = element;
  while (behind.parentElement && paint(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
  const luminance = (css) => product([[0.2126, 0.7152, 0.0722]], getColour(css).map(linear))[0] + 0.05;
  const [text, ground] = [luminance(getComputedStyle(element).color), luminance(getComputedStyle(behind).backgroundColor)];
  return Math.max(text, ground) / Math.min(text, ground);
}

/** The two colours that are hardest to tell apart, of all eyes. */
function closest(colours) {
  let worst = { distance: Infinity };
  for (const [eye, matrix] of Object.entries(EYES)) {
    const seen = Object.entries(colours).map(([name, rgb]) =>
      [name, oklab(product(matrix, rgb.map(linear)).map((part) => Math.min(Math.max(part, 0), 1)))]);
    seen.forEach(([one, a], at) => seen.slice(at + 1).forEach(([other, b]) => {
      const distance = Math.hypot(...a.map((part, axis) => part - b[axis]));
      if (distance < worst.distance) worst = { eye, one, other, distance };
    }));
  }
  return worst;
}
