// One worker: an instance of the module over the memory that all share, with a stack of its own.
import { parentPort, workerData } from "node:worker_threads";
import { enter } from "./door.mjs";

const STACK_BYTES = 65536; // as in lib.rs
const { module, memory, index } = workerData;
let message = "";
const report = (text, len) => {
  // A view of shared memory can't be decoded: a copy can.
  message = new TextDecoder().decode(new Uint8Array(memory.buffer, text, len).slice());
};
const raw = new WebAssembly.Instance(module, { env: { memory }, host: { report } }).exports;
raw.__stack_pointer.value = raw.STACKS.value + (index + 1) * STACK_BYTES;

parentPort.on("message", ({ calls, gate }) => {
  enter(new Int32Array(gate));
  const begin = process.hrtime.bigint();
  try {
    message = "";
    const results = calls.map(([name, ...args]) => raw[name](...args));
    parentPort.postMessage({ begin, end: process.hrtime.bigint(), result: results.at(-1) });
  } catch (error) {
    parentPort.postMessage({ error: message === "" ? String(error) : message });
  }
});
parentPort.postMessage("ready");
