// One thread of a program for WASI.
import { workerData } from "node:worker_threads";
import { threads } from "./threads.mjs";

const { module, memory, next, thread, argument } = workerData;
const { instance, wasi } = threads(module, memory, next);
// It has no start of its own: what is given here makes the imports know the memory.
wasi.initialize({ exports: { memory } });
instance.exports.wasi_thread_start(thread, argument);
