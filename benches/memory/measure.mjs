// Measures the allocators of wasm modules on traces:
//   node measure.mjs JOB.json > RESULT.json
// The job: {"mode": "memory" | "time", "modules": [FILE...], "traces": [{"name", "ops", "slots", "peak"}...],
//           "allocators": [PREFIX...], "repetitions": N, "arenas": {TRACE: {ALLOCATOR: BYTES}}}
// "ops" names a file of 16-byte ops (see op.rs).
import { readFileSync } from "node:fs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const modules = job.modules.map((file) => new WebAssembly.Module(readFileSync(file)));
const UNEVEN = 0x8000_0000;
const FAULTS = ["", "refused", "misaligned", "outside the arena", "not zeroed", "corrupt", "overrun"];

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

function smallest(trace) {
  return candidates(trace, trace.peak * 4 + (1 << 20)).map(({ exports, index, name }) => {
    const result = { trace: trace.name, allocator: name, state_bytes: exports.state_bytes(index) };
    const found = exports.smallest(index, trace.peak) >>> 0;
    if (found === 0) return { ...result, arena_bytes: null };
    const arena_bytes = (found & ~UNEVEN) >>> 0;
    const fault = FAULTS[exports.check(index, arena_bytes)];
    return { ...result, arena_bytes, uneven: found >= UNEVEN, fault };
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
  const arenaLimit = job.arena_limit ?? 16 << 20;
  const runs = candidates(trace, arenaLimit).map((run) => {
    const arena = job.arenas?.[trace.name]?.[run.name] ?? arenaLimit;
    return { ...run, arena, samples: [] };
  });
  runs.forEach((run) => { for (let warm = 0; warm < 5; warm++) once(run); });
  for (let repetition = 0; repetition < job.repetitions; repetition++) {
    for (const run of runs) run.samples.push(once(run));
  }
  return runs.map(({ name, samples, arena }) => {
    const failed = samples.some(Number.isNaN);
    return { trace: trace.name, allocator: name, arena_bytes: arena, nanoseconds: failed ? null : median(samples) };
  });
}

const measure = job.mode === "time" ? time : smallest;
console.log(JSON.stringify(job.traces.flatMap((trace) => measure(trace))));
