// Measures the allocators of wasm modules on traces:
//   node measure.mjs JOB.json RESULT.json
// The job: {"mode": "memory" | "time", "modules": [FILE...], "traces": [{"name", "ops", "slots", "peak"}...],
//           "allocators": [PREFIX...], and to time: "repetitions": N, "arenas": {TRACE: {ALLOCATOR: BYTES}}}
// "ops" names a file of 16-byte ops (see op.rs).
import { readFileSync, writeFileSync } from "node:fs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const modules = job.modules.map((file) => new WebAssembly.Module(readFileSync(file)));
const FAULTS = ["", "refused", "misaligned", "outside the arena", "not zeroed", "corrupt", "overrun", "damaged"];

// A fresh instance of a module with the trace in its memory.
function instance(module, trace, arenaLimit) {
  const exports = new WebAssembly.Instance(module, {}).exports;
  const ops = readFileSync(trace.ops);
  const start = exports.lay_out(ops.length / 16, trace.slots, arenaLimit) >>> 0;
  if (start === 0) throw new Error(`${trace.name}: no memory for the trace`);
  new Uint8Array(exports.memory.buffer).set(ops, start);
  return exports;
}

function name(exports, index) {
  const bytes = new Uint8Array(exports.memory.buffer, exports.name_start(index), exports.name_bytes(index));
  return new TextDecoder().decode(bytes);
}

const wanted = (name) => job.allocators.length === 0 || job.allocators.some((prefix) => name.startsWith(prefix));

// The allocators of all modules with the trace laid out for each module.
function candidates(trace, arenaLimit) {
  return modules.flatMap((module) => {
    const exports = instance(module, trace, arenaLimit);
    return Array.from({ length: exports.allocators() }, (_, index) => ({ exports, index, name: name(exports, index) }));
  }).filter(({ name }) => wanted(name));
}

// What a search needs at most; the timed arenas are given.
const ARENA_LIMIT = (trace) => trace.peak * 4 + (1 << 20);

function search(trace) {
  return candidates(trace, ARENA_LIMIT(trace)).map(({ exports, index, name }) => {
    const result = { trace: trace.name, allocator: name, state_bytes: exports.state_bytes(index) };
    const found = exports.search(index, trace.peak);
    if (found === 0n) return { ...result, smallest_bytes: null, steady_bytes: null, fault: "" };
    const [smallest_bytes, steady_bytes] = [Number(found & 0xffff_ffffn), Number((found >> 32n) & 0xffff_ffffn)];
    const faults = [smallest_bytes, steady_bytes].map((bytes) => FAULTS[exports.check(index, bytes)]);
    return { ...result, smallest_bytes, steady_bytes, fault: faults.find((fault) => fault !== "") ?? "" };
  });
}

// Nanoseconds of one replay on a fresh heap.
function once({ exports, index, arena }) {
  if (!exports.start(index, arena)) return NaN;
  const begin = process.hrtime.bigint();
  const served = exports.replay(index);
  const end = process.hrtime.bigint();
  return served ? Number(end - begin) : NaN;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

// Interleaved: each repetition runs every allocator once, so that a slow moment of the machine meets all.
function time(trace) {
  const arenas = job.arenas[trace.name];
  const runs = candidates(trace, Math.max(...Object.values(arenas)))
    .filter(({ name }) => arenas[name] !== undefined)
    .map((run) => ({ ...run, arena: arenas[run.name], samples: [] }));
  runs.forEach((run) => { for (let warm = 0; warm < 5; warm++) once(run); });
  for (let repetition = 0; repetition < job.repetitions; repetition++) {
    for (const run of runs) run.samples.push(once(run));
  }
  return runs.map(({ name, samples, arena }) => {
    const nanoseconds = samples.some(Number.isNaN) ? null : median(samples);
    return { trace: trace.name, allocator: name, arena_bytes: arena, nanoseconds };
  });
}

const measure = job.mode === "time" ? time : search;
const results = job.traces.flatMap((trace) => {
  console.log(trace.name);
  return measure(trace);
});
writeFileSync(process.argv[3], JSON.stringify(results));
