// What a program for WASI needs of its host, and what `wasi-threads` adds: <https://github.com/WebAssembly/wasi-threads>.
import { WASI } from "node:wasi";
import { Worker } from "node:worker_threads";

// As large as the linker's `--initial-memory` and `--max-memory` have it, where memory is shared.
const LIMITS = { initial: 64, maximum: 16384, shared: true };

// Node frees an object that only its own calls still use, in the middle of one, and aborts in `uvwasi_destroy`.
const kept = [];

// The host's calls, each behind a function of JavaScript: a module that calls Node's own functions without one crashes
// Node 20 when the process ends, in every other run.
const host = (wasi) =>
  Object.fromEntries(Object.entries(wasi.wasiImport).map(([name, call]) => [name, (...values) => call(...values)]));

// An instance over its own memory, or as one more thread over the memory of another, with the counter of threads in `next`.
export function threads(module, memory, next = new Int32Array(new SharedArrayBuffer(4))) {
  const wasi = new WASI({ version: "preview1", returnOnExit: true });
  kept.push(wasi);
  const imports = { wasi_snapshot_preview1: host(wasi) };
  if (WebAssembly.Module.imports(module).some(({ kind }) => kind === "memory")) {
    memory ??= new WebAssembly.Memory(LIMITS);
    imports.env = { memory };
    imports.wasi = {
      "thread-spawn": (argument) => {
        const thread = Atomics.add(next, 0, 1) + 1;
        new Worker(new URL("./worker.mjs", import.meta.url), { workerData: { module, memory, next, thread, argument } });
        return thread;
      },
    };
  }
  return { instance: new WebAssembly.Instance(module, imports), wasi };
}
