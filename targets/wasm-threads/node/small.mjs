// larder's smallest heap in a memory that workers share: node small.mjs MODULE.wasm
import assert from "node:assert/strict";
import { Crew, load, sameWork } from "./crew.mjs";
import { run } from "../../wasm-suite/node/runner.mjs";

const WORKERS = 4;
const ARENA = 256 * 1024; // as in heap.rs
const module = load(process.argv[2]);

// A fresh memory for each: the arena lies in it. It never grows.
async function withCrew(work) {
  const crew = await Crew.hire(module, WORKERS, 0);
  await work(crew);
  // Nothing is live, and no right free was taken for a wrong one.
  await crew.one("verify_empty");
  assert.equal(crew.pages(), crew.limit);
  await crew.dismiss();
}

const tests = {
  async blocks_go_from_worker_to_worker_with_their_contents() {
    await withCrew(async (crew) => {
      const { results } = await crew.run(sameWork(WORKERS, 300_000, 50, 0));
      assert.deepEqual(results, [0, 0, 0, 0], "requests were refused");
      await crew.one("clear", 1);
    });
  },

  async a_heap_that_is_full_most_of_the_time() {
    await withCrew(async (crew) => {
      const { results } = await crew.run(sameWork(WORKERS, 300_000, 50, 60));
      const refused = results.reduce((a, b) => a + b);
      assert.ok(refused > 1000, `refused: ${results}`);
      await crew.one("clear", 1);
    });
  },

  async workers_that_fill_the_arena_at_the_same_time() {
    for (const bytes of [64, 1000, 20_000]) {
      await withCrew(async (crew) => {
        const fill = Array.from({ length: WORKERS }, (_, index) => [["fill", index + 1, bytes]]);
        let most = 0;
        for (let round = 0; round < 20; round++) {
          const { results } = await crew.run(fill);
          most = Math.max(most, results.reduce((a, b) => a + b) * bytes);
          await crew.one("verify_empty");
        }
        assert.ok(most > ARENA * 0.8, `${most} bytes in blocks of ${bytes}`);
      });
    }
  },

  async rusts_collections_use_the_heap() {
    await withCrew((crew) => crew.run(Array.from({ length: WORKERS }, () => [["collections", 300]])));
  },
};

run(tests);
