// One worker that computes for some milliseconds and shares nothing.
import { parentPort } from "node:worker_threads";
import { enter } from "./door.mjs";

const ROUNDS = 4_000_000;

function compute() {
  let value = 1;
  for (let round = 0; round < ROUNDS; round++) value = (Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) + 1) | 0;
  return value;
}

parentPort.on("message", ({ gate }) => {
  enter(new Int32Array(gate));
  const begin = process.hrtime.bigint();
  const result = compute();
  parentPort.postMessage({ begin, end: process.hrtime.bigint(), result });
});
parentPort.postMessage("ready");
