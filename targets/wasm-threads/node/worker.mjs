// One worker: an instance of the module over the memory that all share, with a stack of its own.
import { parentPort, workerData } from "node:worker_threads";

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
  const doors = new Int32Array(gate);
  // All begin together: who comes last opens the door.
  if (Atomics.add(doors, 0, 1) + 1 === doors[1]) Atomics.notify(doors, 0);
  for (let seen = Atomics.load(doors, 0); seen < doors[1]; seen = Atomics.load(doors, 0)) Atomics.wait(doors, 0, seen);
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
