// The last minute, as curves.
import { token } from "./colours.js";
import { bytes, count, percent } from "./words.js";

/** Samples a second, and how many are kept. */
export const RATE = 10;
const KEPT = 60 * RATE;

/** What every plot has: a canvas, its keys, and samples. */
class Plot {
  constructor(name, keys) {
    this.canvas = document.getElementById(`plot-${name}`);
    this.context = this.canvas.getContext("2d");
    this.keys = keys;
    this.holder = document.getElementById(`keys-${name}`);
    this.samples = [];
    this.recolour();
  }

  recolour() {
    this.colours = this.keys.map(({ css }) => token(css));
    this.faint = token("line");
    this.soft = token("soft");
    this.card = token("card");
    this.holder.replaceChildren(...this.keys.map(({ words }, at) => {
      const [key, dot] = [document.createElement("span"), document.createElement("i")];
      dot.className = "swatch";
      dot.style.background = this.colours[at];
      key.append(dot, words);
      return key;
    }));
  }

  add(sample) {
    this.samples.push(sample);
    if (this.samples.length > KEPT) this.samples.shift();
  }

  clear() { this.samples = []; }

  /** A clean sheet with lines for the top and the half, `top` in words. */
  sheet(top) {
    const { canvas, context } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * devicePixelRatio) || canvas.height !== Math.round(height * devicePixelRatio)) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = this.faint;
    context.lineWidth = 1;
    context.beginPath();
    for (const y of [0.5, Math.round(height / 2) + 0.5, height - 0.5]) {
      context.moveTo(0, y);
      context.lineTo(width, y);
    }
    context.stroke();
    this.top = top;
    return { width, height };
  }

  label() {
    const { context } = this;
    context.fillStyle = this.soft;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "top";
    // Set off from whatever curve is behind it.
    Object.assign(context, { strokeStyle: this.card, lineWidth: 4, lineJoin: "round" });
    context.strokeText(this.top, 4, 4);
    context.fillText(this.top, 4, 4);
  }

  /** A path over all samples: `of` gives a share of the height. */
  path({ width, height }, of) {
    const { context, samples } = this;
    const x = (at) => width - (samples.length - 1 - at) / (KEPT - 1) * width;
    samples.forEach((sample, at) => {
      const y = height - Math.min(Math.max(of(sample), 0), 1) * (height - 2) - 1;
      if (at) context.lineTo(x(at), y);
      else context.moveTo(x(at), y);
    });
    return x(0);
  }

  line(size, of, colour, width = 1.75) {
    this.context.beginPath();
    this.path(size, of);
    Object.assign(this.context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" });
    this.context.stroke();
  }

  area(size, of, colour) {
    this.context.beginPath();
    const left = this.path(size, of);
    this.context.lineTo(size.width, size.height);
    this.context.lineTo(left, size.height);
    this.context.fillStyle = colour;
    this.context.fill();
  }
}

export class BytesPlot extends Plot {
  constructor() {
    super("bytes", [
      { css: "accent", words: "live" }, { css: "waste", words: "page waste" }, { css: "map-free", words: "free" }, { css: "text", words: "largest free" },
    ]);
  }

  draw() {
    const last = this.samples.at(-1);
    if (!last) return;
    const size = this.sheet(bytes(last.arena));
    this.context.globalAlpha = 0.85;
    this.area(size, (s) => (s.live + s.waste + s.free) / s.arena, this.colours[2]);
    this.area(size, (s) => (s.live + s.waste) / s.arena, this.colours[1]);
    this.area(size, (s) => s.live / s.arena, this.colours[0]);
    this.context.globalAlpha = 1;
    this.line(size, (s) => s.largest / s.arena, this.colours[3]);
    this.label();
    this.canvas.ariaLabel = `Of ${bytes(last.arena)}, ${bytes(last.live)} live, ${bytes(last.free)} free, largest free ${bytes(last.largest)}.`;
  }
}

export class FragmentationPlot extends Plot {
  constructor() {
    super("fragmentation", [{ css: "accent", words: "external" }, { css: "waste", words: "internal" }]);
  }

  draw() {
    const last = this.samples.at(-1);
    if (!last) return;
    const size = this.sheet("100 %");
    this.line(size, (s) => s.external, this.colours[0]);
    this.line(size, (s) => s.internal, this.colours[1]);
    this.label();
    this.canvas.ariaLabel = `External fragmentation ${percent(last.external)}, internal ${percent(last.internal)}.`;
  }
}

export class RefusedPlot extends Plot {
  constructor() { super("refused", [{ css: "bad", words: "refused" }]); }

  draw() {
    const last = this.samples.at(-1);
    if (!last) return;
    const top = Math.max(10, ...this.samples.map((sample) => sample.refusedRate));
    const size = this.sheet(`${count(top)} a second`);
    this.context.globalAlpha = 0.35;
    this.area(size, (s) => s.refusedRate / top, this.colours[0]);
    this.context.globalAlpha = 1;
    this.line(size, (s) => s.refusedRate / top, this.colours[0]);
    this.label();
    this.canvas.ariaLabel = `Requests refused a second: ${count(last.refusedRate)}.`;
  }
}
