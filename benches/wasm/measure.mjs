// Measures modules whose allocator grows its memory:
//   node measure.mjs JOB.json RESULT.json
// The job: {"modules": [{"feature", "file"}...], "traces": [{"name", "ops", "slots"}...], "actions": N, "repetitions": N}
// "ops" names a file of 16-byte ops (see ../memory/src/op.rs).
import { readFileSync, writeFileSync } from "node:fs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const modules = job.modules.map(({ feature, file }) => ({ feature, module: new WebAssembly.Module(readFileSync(file)) }));
const FAULTS = ["", "refused", "misaligned", "outside the memory", "not zeroed", "corrupt", "overrun", "damaged"];
/** Not allocators: what they hand out can't be looked at. */
const NOTHING = "none";

const fresh = (module) => new WebAssembly.Instance(module, {}).exports;
const bytes = (exports) => exports.memory.buffer.byteLength;

// How long the rest of the module's initial memory is, if the allocator has taken it, else 0. No source has to be believed: what was
// taken has a table, a link or what a block held in it, and is not all zeros as it was.
function initialBytes(exports) {
  const [begin, end] = [exports.rest_begin() >>> 0, exports.rest_end() >>> 0];
  return new Uint8Array(exports.memory.buffer, begin, end - begin).some((byte) => byte !== 0) ? end - begin : 0;
}

// The trace's ops in pages of their own, with zeroed slots behind.
function laidOut(exports, trace, ops) {
  const at = exports.reserve(ops.length + trace.slots * 4) >>> 0;
  if (at === 0) throw new Error(`${trace.name}: no memory for the trace`);
  new Uint8Array(exports.memory.buffer).set(ops, at);
  return [at, ops.length / 16, trace.slots];
}

// What a replay makes the memory grow by; and what a second, checked one finds.
function growth(trace) {
  const ops = readFileSync(trace.ops);
  return modules.filter(({ feature }) => feature !== NOTHING).map(({ feature, module }) => {
    const exports = fresh(module);
    const place = laidOut(exports, trace, ops);
    const before = bytes(exports);
    const served = exports.replay(...place) === 1;
    const grown_bytes = served ? bytes(exports) - before : null;
    const checked = fresh(module);
    const fault = FAULTS[checked.check(...laidOut(checked, trace, ops))];
    // There every block was filled, whether or not the allocator itself writes anything.
    const initial_bytes = initialBytes(checked);
    return { trace: trace.name, feature, grown_bytes, initial_bytes, fault };
  });
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

// Interleaved: each repetition runs every allocator once, on a fresh instance, so that a slow moment of the machine meets all.
function random() {
  const samples = modules.map(() => []);
  const grown = modules.map(() => null);
  const initial = modules.map(() => null);
  for (let repetition = -3; repetition < job.repetitions; repetition++) {
    modules.forEach(({ feature, module }, index) => {
      const exports = fresh(module);
      const before = bytes(exports);
      // A table that is half full and memory that is there: then it counts.
      if (exports.random(20_000, 1) !== 1) throw new Error(`${feature} refuses`);
      const begin = process.hrtime.bigint();
      const served = exports.random(job.actions, 2);
      const end = process.hrtime.bigint();
      if (served !== 1) throw new Error(`${feature} refuses`);
      grown[index] = bytes(exports) - before;
      initial[index] = initialBytes(exports);
      // The first ones are for the compiler.
      if (repetition >= 0) samples[index].push((job.actions * 1000) / Number(end - begin));
    });
  }
  return modules.map(({ feature }, index) => ({
    feature,
    actions_per_microsecond: median(samples[index]),
    grown_bytes: grown[index],
    initial_bytes: initial[index],
  }));
}

console.log("random actions");
const results = { random: random(), growth: [] };
for (const trace of job.traces) {
  console.log(trace.name);
  results.growth.push(...growth(trace));
}
writeFileSync(process.argv[3], JSON.stringify(results));
