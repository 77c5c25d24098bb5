// The race: the same calls on four allocators, each in a module of its own.
import { bytes, count, grouped, percent, seconds, time } from "./words.js";

const $ = (id) => document.getElementById(id);
/** Pixels of a map's side; milliseconds of a frame that the lanes which still run share; and how long one timed run should take. */
const SIDE = 256;
const LANES_MS = 10;
/** Milliseconds on its clock after which a lane is stopped: one that looks at every free piece can take minutes. */
const PATIENCE_MS = 5000;
/** Milliseconds of the trace's beginning that each runs in an arena of its own before: the browser improves code while it runs. */
const WARM_MS = 50;
const RUN_MS = 0.8;
const RUN_MOST = 4096;
const FIRST_RUN = 256;
/** Milliseconds that a module may take to come. */
const LOAD_MS = 15_000;
/** Milliseconds between two looks at a lane's figures. */
const SHOW_MS = 250;
const RUNNERS = [
  ["larder", "./race_larder.js"], ["talc", "./race_talc.js"], ["dlmalloc", "./race_dlmalloc.js"], ["linked_list_allocator", "./race_linked_list.js"],
];
const FIGURES = ["A call takes", "Refused", "Largest free", "Fragmentation"];
const PLACES = ["1st", "2nd", "3rd", "4th"];

/** Calls of a race: enough to fill an arena a few times, and to time well. */
const length = (arena) => Math.min(Math.max(Math.round(arena / 4), 500_000), 1_000_000);

/** What a promise gives, or an error when it takes too long. */
const inTime = (promise, file) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`${file} has not come within ${LOAD_MS / 1000} s`)), LOAD_MS);
  promise.then(resolve, reject);
});

class Lane {
  constructor([name, url]) {
    Object.assign(this, { name, url, racer: null, patience: PATIENCE_MS });
    this.element = document.createElement("div");
    this.element.className = "lane";
    this.element.innerHTML = `<h3>${name.replaceAll("_", "_<wbr>")} <span class="place"></span></h3><canvas width="${SIDE}" height="${SIDE}" role="img"></canvas>
      <progress max="1" value="0" aria-label="${name}: progress"></progress>
      <dl>${FIGURES.map((figure) => `<dt>${figure}</dt><dd>–</dd>`).join("")}</dl>
      <p class="early" hidden></p>`;
    this.canvas = this.element.querySelector("canvas");
    this.canvas.ariaLabel = `${name}: map of its arena, before the race`;
    this.progress = this.element.querySelector("progress");
    this.place = this.element.querySelector(".place");
    this.early = this.element.querySelector(".early");
    this.cells = [...this.element.querySelectorAll("dd")];
  }

  async prepare(arena, trace, colours) {
    if (!this.module) {
      const module = await inTime(import(this.url), this.url.slice(2));
      this.wasm = await inTime(module.default(), this.url.slice(2).replace(".js", "_bg.wasm"));
      this.module = module;
    }
    Object.assign(this, { arena, trace, total: trace.length / 2 });
    this.toStart();
    this.run(WARM_MS);
    this.toStart();
    this.racer.set_palette(colours);
    this.place.textContent = "";
    this.early.hidden = true;
    this.show();
  }

  /** A fresh arena, and the clock at zero. */
  toStart() {
    this.racer?.free();
    this.racer = new this.module.Racer(this.arena, SIDE);
    Object.assign(this, { done: 0, spent: 0, chunk: FIRST_RUN, ended: false, shown: 0 });
  }

  get finished() { return this.done >= this.total; }

  /** Its turn of a frame. */
  run(milliseconds) {
    const end = performance.now() + milliseconds;
    do {
      const part = this.trace.subarray(2 * this.done, 2 * (this.done + this.chunk));
      this.racer.prepare(part);
      const begun = performance.now();
      this.racer.run();
      const took = performance.now() - begun;
      this.spent += took;
      this.done += part.length / 2;
      if (took < RUN_MS / 2) this.chunk = Math.min(this.chunk * 2, RUN_MOST);
      if (took > RUN_MS * 2) this.chunk = Math.max(this.chunk / 2, 16);
      this.ended = this.finished || this.spent > this.patience;
    } while (!this.ended && performance.now() < end);
  }

  draw() {
    const pixels = this.racer.draw();
    const data = new Uint8ClampedArray(this.wasm.memory.buffer, pixels, SIDE * SIDE * 4);
    this.canvas.getContext("2d", { alpha: false }).putImageData(new ImageData(data, SIDE, SIDE), 0, 0);
  }

  show() {
    const [calls, refused, damaged, requested, largest] = this.racer.figures();
    const nanoseconds = calls ? this.spent * 1e6 / calls : 0;
    this.figures = { nanoseconds, calls, refused, damaged, requested, largest, fragmentation: 1 - largest / (this.arena - requested) };
    [calls ? time(nanoseconds) : "–", count(this.figures.refused), bytes(largest), percent(this.figures.fragmentation)]
      .forEach((text, at) => { this.cells[at].textContent = text; });
    this.progress.value = this.done / this.total;
    this.canvas.ariaLabel = `${this.name}: map of its arena, ${percent(this.done / this.total)} of the race; largest free ${bytes(largest)}`;
    this.draw();
  }

  /** How far it came. */
  get far() { return `${grouped(this.done)} of ${grouped(this.total)} calls in ${seconds(this.spent)}`; }

  /** Its time is up. */
  stop() {
    this.show();
    this.place.textContent = "stopped";
    this.early.textContent = `Stopped: ${this.far}. These figures are of that part.`;
    this.early.hidden = false;
  }
}

/** How often the lanes that made every call were refused. `of` names them, where there are others. */
function refusals(lanes, of) {
  const fewest = Math.min(...lanes.map((lane) => lane.figures.refused));
  const frugal = lanes.filter((lane) => lane.figures.refused === fewest);
  if (frugal.length < lanes.length) return `Fewest refusals${of}: ${count(fewest)}, by ${frugal.map((lane) => lane.name).join(", ")}.`;
  const refused = fewest ? `refused ${fewest === 1 ? "1 request" : `${count(fewest)} requests`}` : "refused no request";
  if (lanes.length === 1) return `It ${refused}.`;
  return fewest ? `Each${of} ${refused}.` : `None${of} refused a request.`;
}

/** Compares the lanes that made every call. A lane that was stopped had other calls, and so other figures. */
export function verdict(lanes) {
  const stopped = lanes.filter((lane) => !lane.finished).map((lane) => `${lane.name} was stopped: ${lane.far}.`);
  const ranking = lanes.filter((lane) => lane.finished).sort((a, b) => a.spent - b.spent);
  const [fast] = ranking;
  if (!fast) return `None made every call. ${stopped.join(" ")}`;
  const of = stopped.length ? " of those that made every call" : "";
  const first = ranking.length === 1 ? `${fast.name} alone made every call` : `${fast.name} took least time${of}`;
  return [`${first}: ${time(fast.figures.nanoseconds)} a call.`, refusals(ranking, of), ...stopped].join(" ");
}

export class Race {
  /** `changed` is called when the race begins and when it ends: between, it has all the time of a frame. */
  constructor({ settings, colours, tracer, changed }) {
    Object.assign(this, { settings, colours, tracer, changed, busy: false, running: false, finished: false, turn: 0 });
    this.lanes = RUNNERS.map((runner) => new Lane(runner));
    $("race-patience").textContent = seconds(PATIENCE_MS);
    $("lanes").append(...this.lanes.map((lane) => lane.element));
    $("race-start").addEventListener("click", () => (this.running ? this.stop("Stopped.") : this.start()));
  }

  async start() {
    const { arena, seed, fill, weights } = this.settings();
    if (!weights.some(Boolean)) return this.say("Give a program a share first.");
    this.setBusy(true);
    $("race-start").disabled = true;
    this.finished = false;
    this.ranking = [];
    const tracer = this.tracer(arena, seed, fill, Uint32Array.from(weights));
    const trace = tracer.write(length(arena));
    tracer.free();
    try {
      for (const lane of this.lanes) await lane.prepare(arena, trace, this.colours());
    } catch (error) {
      this.setBusy(false);
      return this.say(`The race could not start: ${error.message}.`);
    } finally {
      $("race-start").disabled = false;
    }
    $("lanes").hidden = false;
    $("race-start").textContent = "Stop the race";
    this.running = true;
    return this.say(`${count(this.lanes[0].total)} calls for each, in ${bytes(arena)}.`);
  }

  setBusy(on) {
    this.busy = on;
    this.changed();
  }

  /** A turn for every lane that still runs, another first each time. */
  frame() {
    if (!this.running) return;
    const now = performance.now();
    this.turn += 1;
    const lanes = this.lanes.filter((lane) => !lane.ended);
    lanes.forEach((_, at) => {
      const lane = lanes[(at + this.turn) % lanes.length];
      lane.run(LANES_MS / lanes.length);
      if (lane.finished) this.rank(lane);
      else if (lane.ended) lane.stop();
    });
    // One is drawn in a frame, so that no frame is late.
    const due = this.lanes[this.turn % this.lanes.length];
    if (!due.ended && now - due.shown > SHOW_MS) {
      due.shown = now;
      due.show();
    }
    if (this.lanes.every((lane) => lane.ended)) {
      this.finished = true;
      this.stop(verdict(this.lanes));
    }
  }

  rank(lane) {
    lane.show();
    this.ranking.push(lane);
    this.ranking.sort((a, b) => a.spent - b.spent);
    this.ranking.forEach((other, at) => { other.place.textContent = PLACES[at]; });
  }

  stop(words) {
    this.running = false;
    this.setBusy(false);
    $("race-start").textContent = "Start the race";
    this.say(words);
  }

  recolour() {
    for (const lane of this.lanes) {
      if (!lane.racer) continue;
      lane.racer.set_palette(this.colours());
      lane.draw();
    }
  }

  say(words) { $("race-said").textContent = words; }
}
