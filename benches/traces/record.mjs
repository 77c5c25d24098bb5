// Runs the programs of trace_programs.wasm, each on a fresh instance, and writes what their allocator was asked:
//   node record.mjs trace_programs.wasm OUT_DIRECTORY [NAME...]
// One file NAME.records a program, five little-endian words a request (see `Recorder::from_records`).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [moduleFile, outDirectory, ...wanted] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(moduleFile));
const REALLOC = 2, DEALLOC = 3;

class Records {
  words = new Uint32Array(1 << 16);
  used = 0;
  known = new Set();

  // Blocks that were allocated before the recording began are not part of the trace.
  record(kind, address, size, align, newAddress) {
    address >>>= 0, newAddress >>>= 0;
    if (kind >= REALLOC && !this.known.delete(address)) return;
    if (kind !== DEALLOC) this.known.add(kind === REALLOC ? newAddress : address);
    if (this.used + 5 > this.words.length) {
      const larger = new Uint32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    this.words.set([kind, address, size, align, newAddress], this.used);
    this.used += 5;
  }
}

// A new instance. Imports other than the recorder's (clocks, JavaScript glue) are never needed: a constant will do.
function instantiate(records) {
  const imports = {};
  for (const { module: name, name: item } of WebAssembly.Module.imports(module)) (imports[name] ??= {})[item] = () => 0;
  let exports;
  const text = (start, bytes) => new TextDecoder().decode(new Uint8Array(exports.memory.buffer, start, bytes));
  imports.trace = {
    record: (...words) => records.record(...words),
    complain: (start, bytes) => console.error(text(start, bytes)),
  };
  exports = new WebAssembly.Instance(module, imports).exports;
  return { exports, text };
}

const { exports, text } = instantiate(new Records());
let failed = 0;
for (let program = 0; program < exports.programs(); program++) {
  const name = text(exports.name_start(program), exports.name_bytes(program));
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const records = new Records();
  try {
    instantiate(records).exports.run(program);
    writeFileSync(join(outDirectory, `${name}.records`), records.words.subarray(0, records.used));
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    failed = 1;
  }
}
process.exit(failed);
