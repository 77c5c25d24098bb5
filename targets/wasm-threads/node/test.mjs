// larder in a memory that workers share: node test.mjs MODULE.wasm
import assert from "node:assert/strict";
import { Crew, PAGE, load, sameWork } from "./crew.mjs";
import { run } from "../../wasm-suite/node/runner.mjs";

const WORKERS = 4;
const module = load(process.argv[2]);

const work = (calls, sharedPercent, largePercent) => sameWork(WORKERS, calls, sharedPercent, largePercent);

// Where the linker's data ends. What the export says is a constant of the module.
function heapBase() {
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 16384, shared: true });
  return new WebAssembly.Instance(module, { env: { memory }, host: { report() {} } }).exports.__heap_base.value;
}

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

  // As wasm-bindgen does before 0.2.127, which counts threads in the first word.
  async a_page_that_was_taken_for_threads_is_left_alone() {
    for (const threads of [1, 2, 65536]) {
      const crew = await Crew.hire(module, 2, 2000);
      const page = new Uint32Array(crew.memory.buffer, (heapBase() + 3) & ~3, PAGE / 4 - 1).fill(0x77777777);
      page[0] = threads;
      const { results } = await crew.run(work(100_000, 50, 20).slice(0, 2));
      assert.deepEqual(results, [0, 0], "requests were refused");
      assert.equal(page[0], threads);
      assert.ok(page.subarray(1).every((word) => word === 0x77777777), "somebody wrote into it");
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
