// The page: controls, the loop, and what it shows.
import init, { Lab, Tracer, classes, colours } from "./lab.js";
import { fillLegend, palette } from "./colours.js";
import { HeapMap } from "./map.js";
import { BytesPlot, FragmentationPlot, RATE, RefusedPlot } from "./plots.js";
import { Breaks } from "./breakit.js";
import { Race } from "./race.js";
import * as settings from "./settings.js";
import { bytes, call, count, percent, refusals } from "./words.js";

/** The order of the lab's `counters`; behind them come five numbers for each class. */
const COUNTERS = [
  "arena", "tables", "live", "large", "free", "waste", "largest", "runs", "peak", "refills", "refused", "wrongFrees", "requested", "calls", "damaged",
];
const PROGRAMS = [
  { name: "Web server", words: "requests that overlap, sessions that stay", weight: 3 },
  { name: "JSON documents", words: "small nodes, growing arrays, dropped at once", weight: 2 },
  { name: "Particles", words: "few sizes, in waves", weight: 2 },
  { name: "Text editor", words: "lines that grow, pastes, a history", weight: 0 },
  { name: "Adversary", words: "fragments on purpose", weight: 0 },
];
const SHARES = 5;
/** Milliseconds of a frame that all work may take, and the programs at least; and calls between two looks at the clock. */
const FRAME_MS = 10;
const WORK_MS = 2;
const CALLS_A_LOOK = 500;
/** Milliseconds between two sentences about a heap at work that are read out; they are seen with every sample. */
const SPEAK_MS = 15_000;
/** Milliseconds over which the speed is measured, and the share of the set speed that counts as reaching it. */
const PACE_MS = 1000;
const PACE_ENOUGH = 0.9;
const PACE_HINT = "The speed is a limit: when a frame has no time for all calls, fewer are made.";
/** Calls a second: the slowest, and how many powers of ten to the fastest. */
const SLOWEST = 10;
const POWERS = 5.3;

const $ = (id) => document.getElementById(id);
const wasm = await init();

let lab = null;
let running = false;
/** Calls that are due, as a fraction. */
let due = 0;
/** Milliseconds that the last drawing took. */
let drawn = 0;
let last = performance.now();
/** When something was read out last. */
let spoken = last;
/** The speed's measurement: its start, the calls until then, and whether a frame since had no time for all its calls. */
let paced = { at: last, calls: 0, isCut: false };
let lastSample = { at: 0, calls: 0, refused: 0 };
const frames = [];
const plots = [new BytesPlot(), new FragmentationPlot(), new RefusedPlot()];
const map = new HeapMap({
  canvas: $("map"), frame: $("map-frame"), cursor: $("cursor"), words: $("inspect"), spoken: $("spoken"), heap: () => lab, memory: () => wasm.memory,
});

fillLegend($("legend"), [...classes()]);
const mix = PROGRAMS.map(addProgram);
const breaks = new Breaks({
  lab: () => lab, rows: () => counters().rows, arena: () => arenaBytes(), changed: () => { map.stale = true; },
  acted: () => say(false, sample(performance.now())),
});
const inputs = mix.map(({ input }) => input);
const race = new Race({
  settings: () => ({ arena: arenaBytes(), seed: seed(), weights: weights(), fill: fill() }),
  colours: () => palette($("legend"), colours()),
  tracer: (...settings) => new Tracer(...settings),
  changed: () => { lastSample.at = performance.now(); paceAnew(); say(); },
});

function addProgram({ name, words, weight }, at) {
  const row = document.createElement("div");
  row.className = "program";
  row.innerHTML = `<label for="mix-${at}">${name}<small>${words}</small></label><input id="mix-${at}" type="range" min="0" max="${SHARES}" value="${weight}"><output for="mix-${at}"></output>`;
  $("mix").append(row);
  const [input, output] = [row.querySelector("input"), row.querySelector("output")];
  const show = () => { tellOf(input, output, Number(input.value) ? input.value : "off"); };
  input.addEventListener("input", () => { show(); lab.set_weight(at, Number(input.value)); });
  show();
  return { input, show };
}

/** What a slider is set to, for the eye and for the ear. */
function tellOf(input, output, words) {
  output.textContent = words;
  input.ariaValueText = words;
}

const arenaBytes = () => Number($("arena").value);
const seed = () => Math.min(Math.max(Math.trunc(Number($("seed").value)) || 0, 0), 0xffff_ffff);
const fill = () => Number($("fill").value);
const weights = () => mix.map(({ input }) => Number(input.value));
const speed = () => SLOWEST * 10 ** (POWERS * Number($("speed").value) / 100);

function counters() {
  const numbers = lab.counters();
  const named = Object.fromEntries(COUNTERS.map((name, at) => [name, numbers[at]]));
  named.rows = numbers.subarray(COUNTERS.length);
  const taken = named.live + named.waste;
  named.external = named.free ? 1 - named.largest / named.free : 0;
  named.internal = taken ? Math.max(0, 1 - named.requested / taken) : 0;
  return named;
}

/** A fresh heap, and the programs from their beginning. */
function startOver() {
  lab?.free();
  $("seed").value = seed();
  lab = new Lab(arenaBytes(), seed());
  weights().forEach((weight, at) => lab.set_weight(at, weight));
  lab.set_fill(fill());
  lab.set_palette(palette($("legend"), colours()));
  map.show(arenaBytes());
  $("row-bytes").textContent = bytes(Math.sqrt(arenaBytes() / 256) * 256);
  plots.forEach((plot) => plot.clear());
  lastSample = { at: performance.now(), calls: 0, refused: 0 };
  due = 0;
  paceAnew();
  breaks.startOver();
  sample(performance.now() + 1);
  tell(running ? "Started over." : "Press Start: programs ask for memory and give it back, and the map shows what the heap makes of it.", true);
}

function setRunning(on) {
  running = on;
  last = performance.now();
  frames.length = 0;
  $("run").textContent = on ? "Stop" : "Start";
  paceAnew();
  say(true, sample(last));
}

/** Whether the programs make calls. While the race runs they wait, so that it has the machine to itself. */
const isWorking = () => running && !race.busy;

/** The speed is measured from now on. */
function paceAnew() {
  paced = { at: performance.now(), calls: counters().calls, isCut: false };
  $("speed-said").textContent = PACE_HINT;
}

/** Says what speed is reached, where it is not the one that is set. */
function tellPace() {
  const now = performance.now();
  if (!isWorking() || now - paced.at < PACE_MS) return;
  const { calls } = counters();
  const reached = (calls - paced.calls) * 1000 / (now - paced.at);
  $("speed-said").textContent = paced.isCut && reached < PACE_ENOUGH * speed()
    ? `This browser reaches ${count(reached)} calls/s: a frame has no time for more.` : PACE_HINT;
  paced = { at: now, calls, isCut: false };
}

/** Lets the programs make the calls that are due, as long as the frame allows. */
function work(now, elapsed) {
  due = Math.min(due + speed() * elapsed / 1000, speed());
  const end = now + Math.max(FRAME_MS - drawn, WORK_MS);
  while (due >= 1) {
    const calls = Math.min(Math.floor(due), CALLS_A_LOOK);
    const done = lab.run(calls);
    due -= calls;
    if (done < calls) { due = 0; break; }
    if (performance.now() > end) { paced.isCut ||= due >= 1; due = 0; break; }
  }
  map.stale = true;
}

function sample(now) {
  const state = counters();
  // A step or a button is looked at at once: a rate over less than the usual time would be none.
  const seconds = Math.max(now - lastSample.at, 1000 / RATE) / 1000;
  state.callRate = (state.calls - lastSample.calls) / seconds;
  state.refusedRate = (state.refused - lastSample.refused) / seconds;
  lastSample = { at: now, calls: state.calls, refused: state.refused };
  plots.forEach((plot) => { plot.add(state); plot.draw(); });
  showCounters(state);
  showClasses(state);
  tellPace();
  return state;
}

const SHOWN = [
  ["Live", (s) => [bytes(s.live), percent(s.live / s.arena)]],
  ["Free", (s) => [bytes(s.free), `${count(s.runs)} piece${s.runs === 1 ? "" : "s"}`]],
  ["Largest free", (s) => [bytes(s.largest)]],
  ["External fragmentation", (s) => [percent(s.external)]],
  ["Internal fragmentation", (s) => [percent(s.internal)]],
  ["Refused", (s) => [count(s.refused)]],
  ["Calls", (s) => [count(s.calls), running && s.callRate ? `${count(s.callRate)}/s` : ""]],
  ["Wrong frees found", (s) => [count(s.wrongFrees)]],
  ["Damaged blocks", (s) => [count(s.damaged), "of all, checked"]],
  ["larder's tables", (s) => [bytes(s.tables), percent(s.tables / s.arena)]],
];
const cells = SHOWN.map(([name]) => {
  const box = document.createElement("div");
  box.innerHTML = `<dt>${name}</dt><dd><span></span> <small></small></dd>`;
  $("counters").append(box);
  return [box.querySelector("span"), box.querySelector("small")];
});

function showCounters(state) {
  SHOWN.forEach(([, words], at) => words(state).forEach((text, part) => {
    if (cells[at][part].textContent !== text) cells[at][part].textContent = text;
  }));
  cells[5][0].classList.toggle("bad", state.refusedRate > 0);
  cells[8][0].classList.toggle("bad", state.damaged > 0);
}

/** The histogram: a row for each class, and one for large blocks. */
function showClasses(state) {
  const { rows } = state;
  const body = $("classes").tBodies[0];
  const needed = rows.length / 5 + 1;
  while (body.rows.length < needed) body.append(classRow(body.rows.length, needed - 1));
  let most = state.large;
  for (let at = 0; at < rows.length; at += 5) most = Math.max(most, rows[at] * (rows[at + 3] + rows[at + 4]));
  const width = (n) => `${most ? n / most * 100 : 0}%`;
  for (let at = 0; at < needed - 1; at += 1) {
    const [size, pages, , live, free] = rows.subarray(at * 5, at * 5 + 5);
    fillRow(body.rows[at], [`${size} B`, count(pages), count(live), count(free), bytes(size * live)], [width(size * live), width(size * free)]);
  }
  fillRow(body.rows[needed - 1], ["large", "–", "–", "–", bytes(state.large)], [width(state.large), "0"]);
}

function classRow(at, large) {
  const row = document.createElement("tr");
  const names = at < large ? [5 + at, 5 + large + at] : [1, 1];
  const background = (name) => document.querySelector(`#legend [data-colour="${name}"]`).style.background;
  row.innerHTML = `<th scope="row"><i class="swatch"></i><span></span></th><td></td><td></td><td></td><td></td><td class="bar-cell"><div class="share" aria-hidden="true"><i></i><i></i></div></td>`;
  row.querySelector(".swatch").style.background = background(names[0]);
  row.querySelectorAll(".share i").forEach((bar, part) => { bar.style.background = background(names[part]); });
  return row;
}

function fillRow(row, texts, widths) {
  [row.querySelector("span"), ...[...row.cells].slice(1, 5)].forEach((cell, at) => {
    if (cell.textContent !== texts[at]) cell.textContent = texts[at];
  });
  row.querySelectorAll(".share i").forEach((bar, at) => { bar.style.width = widths[at]; });
}

/** A sentence for the eye, and for the ear. */
function tell(words, aloud) {
  if ($("said").textContent !== words) $("said").textContent = words;
  if (!aloud) return;
  $("spoken").textContent = words;
  spoken = performance.now();
}

/** The state in a sentence. */
function say(aloud = true, state = counters()) {
  const mode = !running ? "Stopped." : race.busy ? "Paused while the race runs." : "Running.";
  if (!weights().some(Boolean) && !state.live) return tell(`${mode} Nothing is asked for: no program has a share.`, aloud);
  const shape = !state.free ? "nothing is free" : state.external < 0.15 ? "nearly all that is free is one piece"
    : state.external < 0.6 ? "what is free is in several pieces"
      : "what is free is in many small pieces";
  const refused = state.refused ? ` ${refusals(state.refused)}.` : "";
  const largest = state.free ? `, the largest ${bytes(state.largest)}` : "";
  return tell(`${mode} ${percent(state.live / state.arena)} of the arena is live; ${shape}${largest}.${refused}`, aloud);
}

function frame(now) {
  const begun = performance.now();
  const elapsed = Math.min(now - last, 250);
  if (isWorking()) work(begun, elapsed);
  if (!race.busy) breaks.frame(now);
  race.frame();
  if (map.stale) {
    const before = performance.now();
    map.draw();
    drawn = performance.now() - before;
  }
  const isMoving = !race.busy && (running || breaks.busy);
  // The sentence and the cards are of the same moment.
  if (isMoving && now - lastSample.at >= 1000 / RATE) say(running && now - spoken >= SPEAK_MS, sample(now));
  countFrame(now, performance.now() - begun);
  last = now;
  requestAnimationFrame(frame);
}

/** Frames a second over the last second, and the work that each took, in the corner. */
function countFrame(now, spent) {
  frames.push({ now, spent });
  while (frames.length && now - frames[0].now > 1000) frames.shift();
  if (Math.floor(now / 500) === Math.floor(last / 500)) return;
  const { rate, spent: mean } = pace();
  $("fps").textContent = running || race.running ? `${Math.round(rate)}\u00a0fps · ${mean.toFixed(1)}\u00a0ms` : "stopped";
}

function pace() {
  const seconds = frames.length > 1 ? (frames.at(-1).now - frames[0].now) / 1000 : 0;
  const spent = frames.reduce((sum, { spent }) => sum + spent, 0) / Math.max(frames.length, 1);
  return { rate: seconds ? (frames.length - 1) / seconds : 0, spent };
}

function recolour() {
  lab.set_palette(palette($("legend"), colours()));
  plots.forEach((plot) => { plot.recolour(); plot.draw(); });
  race.recolour();
  map.stale = true;
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";

function nameTheme() {
  $("theme").textContent = isDark() ? "Light theme" : "Dark theme";
}

function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("theme", theme); } catch { /* Then it lasts as long as the page. */ }
  nameTheme();
  recolour();
}

function showSettings() {
  tellOf($("speed"), $("speed-out"), `up to ${count(speed())} calls/s`);
  tellOf($("fill"), $("fill-out"), `${fill()} %`);
}

$("run").addEventListener("click", () => setRunning(!running));
$("step").addEventListener("click", () => {
  setRunning(false);
  const done = lab.step();
  tell(call(done), true);
  if (done[1] === 1 || done[1] === 2) map.choose(done[2], true);
  map.stale = true;
  sample(performance.now());
});
$("reset").addEventListener("click", startOver);
$("arena").addEventListener("change", startOver);
$("seed").addEventListener("change", startOver);
$("speed").addEventListener("input", () => { showSettings(); paceAnew(); });
$("fill").addEventListener("input", () => { showSettings(); lab.set_fill(fill()); });
$("zoom-in").addEventListener("click", () => map.zoom(2));
$("zoom-out").addEventListener("click", () => map.zoom(0.5));
$("theme").addEventListener("click", toggleTheme);
systemDark.addEventListener("change", () => { nameTheme(); recolour(); });
addEventListener("resize", () => plots.forEach((plot) => plot.draw()));

/** Starts with what the address says. */
function obeyAddress() {
  settings.read(inputs);
  mix.forEach(({ show }) => show());
  showSettings();
  startOver();
}

$("controls").addEventListener("change", () => settings.write(inputs));
$("arena").addEventListener("change", () => settings.write(inputs));
addEventListener("hashchange", obeyAddress);

nameTheme();
obeyAddress();
requestAnimationFrame(frame);
// Nothing could be used before.
document.querySelectorAll(":disabled").forEach((control) => { control.disabled = false; });
$("said").classList.remove("bad");

const set = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event("input", { bubbles: true })); };
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
/** For the console, and for the tests: what the page knows. */
globalThis.demo = {
  ready: true, map, race, plots, counters, pace,
  get lab() { return lab; },
  get running() { return running; },
  palette: () => [...palette($("legend"), colours())],
  setMix: (shares) => shares.forEach((share, at) => { mix[at].input.value = share; mix[at].show(); lab.set_weight(at, share); }),
  setFill: (value) => set("fill", value),
  setSpeed: (calls) => set("speed", 100 * Math.log10(calls / SLOWEST) / POWERS),
  restart: ({ arena, seed: number }) => { $("arena").value = arena; $("seed").value = number; startOver(); },
  runFor: async (ms) => { setRunning(true); await wait(ms); },
};
