// larder in a memory that workers share: node test.mjs MODULE.wasm
import assert from "node:assert/strict";
import { Crew, PAGE, load, sameWork } from "./crew.mjs";
import { run } from "../../wasm-suite/node/runner.mjs";

const WORKERS = 4;
const module = load(process.argv[2]);

const work = (calls, sharedPercent, largePercent) => sameWork(WORKERS, calls, sharedPercent, largePercent);

const tests = {
  async blocks_go_from_worker_to_worker_with_their_contents() {
    const crew = await Crew.hire(module, WORKERS, 2000);
    const { results } = await crew.run(work(1_400_000, 50, 20));
    assert.deepEqual(results, [0, 0, 0, 0], "requests were refused");
    await crew.one("clear", 1);
    await crew.one("verify_empty");
    assert.equal(crew.pages(), 32 + (await crew.one("pages_grown")));
    await crew.dismiss();
  },

  async a_heap_that_is_full_most_of_the_time() {
    const crew = await Crew.hire(module, WORKERS, 1);
    const { results } = await crew.run(work(200_000, 50, 60));
    // All together: how much the others hold while one of them runs is the scheduler's.
    const refused = results.reduce((a, b) => a + b);
    assert.ok(refused > 1000, `refused: ${results}`);
    await crew.one("clear", 1);
    await crew.one("verify_empty");
    assert.equal(crew.pages(), crew.limit);
    await crew.dismiss();
  },

  async workers_that_grow_the_memory_at_the_same_time() {
    for (const bytes of [64, 3000, 70_000]) {
      const crew = await Crew.hire(module, WORKERS, 400);
      const fill = Array.from({ length: WORKERS }, (_, index) => [["fill", index + 1, bytes]]);
      for (let round = 0; round < 3; round++) {
        const { results } = await crew.run(fill);
        const held = results.reduce((a, b) => a + b) * bytes;
        assert.ok(held > 200 * PAGE, `${held} bytes in blocks of ${bytes}`);
        await crew.one("verify_empty");
      }
      assert.ok(crew.pages() > crew.limit - 4, `${crew.pages()} of ${crew.limit} pages`);
      const extents = await crew.one("extents");
      assert.ok(extents > 3 && extents < 24, `${extents} extents`);
      await crew.dismiss();
    }
  },

  async what_a_worker_does_first_after_another_grew_the_memory() {
    // In the order of `act_late`.
    const acts = ["alloc", "dealloc", "realloc", "contains", "usable_size", "extents", "stats", "check", "trim", "walk"];
    for (const [number, act] of acts.entries()) {
      const crew = await Crew.hire(module, 2, 1000);
      await crew.run([[["grow_meanwhile"]], [["act_late", number]]]).catch((error) => assert.fail(`${act}: ${error.message}`));
      await crew.one("verify_empty");
      await crew.dismiss();
    }
  },

  async rusts_collections_use_the_heap() {
    const crew = await Crew.hire(module, WORKERS, 2000);
    await crew.run(Array.from({ length: WORKERS }, () => [["collections", 20_000]]));
    await crew.one("verify_empty");
    await crew.dismiss();
  },
};

run(tests);
