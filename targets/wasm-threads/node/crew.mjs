// Workers that share a memory, and what they are told to do.
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export const PAGE = 65536;
const INITIAL = 32; // as build.rs says

export const load = (file) => new WebAssembly.Module(readFileSync(file));

// What all workers do, with verified blocks; the seeds differ.
export const sameWork = (workers, calls, sharedPercent, largePercent) =>
  Array.from({ length: workers }, (_, index) => [["work", index + 1, calls, sharedPercent, largePercent, 1]]);

export class Crew {
  // So many workers over a fresh memory that can become so many pages longer.
  static async hire(module, count, more) {
    const memory = new WebAssembly.Memory({ initial: INITIAL, maximum: INITIAL + more, shared: true });
    const data = Array.from({ length: count }, (_, index) => ({ module, memory, index }));
    const crew = await Crew.of(new URL("worker.mjs", import.meta.url), data);
    crew.memory = memory;
    crew.limit = INITIAL + more;
    return crew;
  }

  // A worker for each of these data, one after the other.
  static async of(script, data) {
    const crew = new Crew();
    crew.workers = [];
    for (const workerData of data) {
      const worker = new Worker(script, { workerData });
      await once(worker, "message");
      crew.workers.push(worker);
    }
    return crew;
  }

  pages() {
    return this.memory.buffer.byteLength / PAGE;
  }

  // Lets the first `plans.length` workers make their calls at the same time. Each plan is a list of [export, arguments...]; the
  // result is the last call's, and the nanoseconds from the first begin to the last end.
  async run(plans) {
    const gate = new SharedArrayBuffer(8);
    new Int32Array(gate)[1] = plans.length;
    const answers = plans.map((calls, index) => {
      const answer = once(this.workers[index], "message");
      this.workers[index].postMessage({ calls, gate });
      return answer;
    });
    const replies = (await Promise.all(answers)).map(([reply]) => reply);
    const errors = replies.flatMap((reply) => reply.error ?? []);
    if (errors.length > 0) throw new Error(errors.join("; "));
    const begin = replies.map(({ begin }) => begin).reduce((a, b) => (a < b ? a : b));
    const end = replies.map(({ end }) => end).reduce((a, b) => (a > b ? a : b));
    return { results: replies.map(({ result }) => result), nanoseconds: Number(end - begin) };
  }

  async one(...call) {
    return (await this.run([[call]])).results[0];
  }

  async dismiss() {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
