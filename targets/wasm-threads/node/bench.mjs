// Throughput of allocators in workers that share a memory: node bench.mjs JOB.json RESULT.json
// The job: {"modules": {ALLOCATOR: FILE}, "workers": [N...], "workloads": [{"name", "shared_percent", "large_percent"}...],
//           "calls": PER_WORKER, "repetitions": N, "busy": whether to measure even while other programs are at work}
import { readFileSync, writeFileSync } from "node:fs";
import { Crew, load } from "./crew.mjs";
import { Floor, Patience } from "./quiet.mjs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const floor = await Floor.hire();
const patience = new Patience(() => floor.isQuiet());
const quietly = job.busy ? (measure) => measure() : (measure) => patience.quietly(measure);
const results = [];
for (const workload of job.workloads) {
  for (const workers of job.workers) {
    console.log(`${workload.name}, ${workers} workers`);
    const runs = [];
    for (const [allocator, file] of Object.entries(job.modules)) {
      runs.push({ allocator, crew: await Crew.hire(load(file), workers, 4000), samples: [] });
    }
    // Interleaved, so that a slow moment of the machine meets all; the first round warms up.
    for (let repetition = 0; repetition <= job.repetitions; repetition++) {
      for (const { crew, samples } of runs) {
        const plans = Array.from({ length: workers }, (_, index) => [
          ["work", index + 1 + repetition * 8, job.calls, workload.shared_percent, workload.large_percent, 0],
        ]);
        const sample = async () => {
          const { nanoseconds, results: refused } = await crew.run(plans);
          if (refused.some((count) => count !== 0)) throw new Error("a request was refused");
          return nanoseconds;
        };
        if (repetition === 0) await sample();
        else samples.push(await quietly(sample));
      }
    }
    for (const { allocator, crew, samples } of runs) {
      results.push({ workload: workload.name, workers, allocator, calls_per_microsecond: (job.calls * workers * 1000) / median(samples) });
      await crew.dismiss();
    }
  }
}
await floor.dismiss();
writeFileSync(process.argv[3], JSON.stringify(results));
