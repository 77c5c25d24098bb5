// Runs a program for WASI, with threads if it asks for them: node run.mjs PROGRAM.wasm
import { readFileSync } from "node:fs";
import { threads } from "./threads.mjs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const next = new Int32Array(new SharedArrayBuffer(4));
const { instance, wasi } = threads(module, undefined, next);
const status = wasi.start(instance);
// A program that finds no threads goes on without: here nobody would notice.
const isThreaded = WebAssembly.Module.imports(module).some(({ name }) => name === "thread-spawn");
if (isThreaded && Atomics.load(next, 0) < 4) throw new Error("there were no threads");
process.exit(status);
