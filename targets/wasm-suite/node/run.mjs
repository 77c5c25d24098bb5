// Runs the module's tests, each in an instance of its own: node run.mjs MODULE.wasm
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { INITIAL, instance as instantiate } from "./instance.mjs";
import { PAGE } from "./others.mjs";
import { run } from "./runner.mjs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const instance = (memory) => instantiate(module, memory);

const tests = {
  the_first_blocks_lie_between_the_linkers_symbols() {
    const { call, pages } = instance({ more: 10 });
    const block = call("request", 100, 8);
    assert.ok(block > 0 && block < INITIAL * PAGE);
    assert.deepEqual([call("pages_grown"), pages(), call("extents")], [0, INITIAL, 1]);
  },

  the_differential_suite_grows_one_extent() {
    for (const seed of [1, 2, 3]) {
      const { call, pages } = instance({ more: 1000 });
      call("differential", seed, 3000);
      call("verify_empty");
      assert.equal(call("extents"), 1);
      assert.ok(call("pages_grown") > 3);
      assert.equal(pages(), INITIAL + call("pages_grown"));
    }
  },

  the_differential_suite_at_a_limit() {
    for (const seed of [4, 5, 6]) {
      // Some requests are larger than any memory.
      const unlimited = instance({ more: 1000 }).call("differential", seed, 4000);
      const { call, pages } = instance({ more: 3 });
      const refused = call("differential", seed, 4000);
      assert.ok(refused > unlimited + 50, `${refused} refused, ${unlimited} without a limit`);
      call("verify_empty");
      assert.equal(pages(), INITIAL + 3);
    }
  },

  the_differential_suite_beside_somebody_who_takes_pages() {
    for (const seed of [7, 8]) {
      const { call, others, pages } = instance({ more: 1000 });
      call("differential_beside", seed, 3000);
      call("verify_empty");
      others.verify();
      assert.ok(call("extents") > 2 && call("extents") < 20);
      assert.ok(pages() > INITIAL + call("pages_grown"));
    }
  },

  the_differential_suite_in_a_static_arena() {
    const { call, pages } = instance({ more: 0 });
    assert.ok(call("differential_in_an_arena", 9, 4000) > 100);
    assert.equal(pages(), INITIAL);
  },

  the_differential_suite_in_a_small_static_arena() {
    for (const seed of [11, 12]) {
      const { call, pages } = instance({ more: 0 });
      assert.ok(call("differential_in_a_small_arena", seed, 3000) > 100);
      assert.equal(pages(), INITIAL);
    }
  },

  what_lies_behind_the_initial_memory_is_not_touched() {
    const { call, others } = instance({ more: 500, behind: 1 });
    call("differential", 10, 3000);
    others.verify();
    assert.equal(call("extents"), 2);
  },

  at_the_limit_a_module_gets_null_and_goes_on() {
    for (const bytes of [24, 64, 1000, 50_000]) {
      const { call, pages } = instance({ more: 40 });
      const count = call("fill", bytes);
      assert.equal(pages(), INITIAL + 40);
      // All but the tables and the last part that is too short: no byte of the memory is left out.
      assert.ok(count * bytes > 40 * PAGE * 0.85, `${count} blocks of ${bytes}`);
      assert.equal(call("refused"), 1);
      call("verify_empty");
      // Wherever the memory ended for a while, up to two pages' worth of it went to single blocks: of 24 bytes that is one more than two
      // pages hold, of the other sizes as many. It ended at most once for each page of wasm that it got.
      const again = call("fill", bytes);
      assert.ok(again <= count && count - again <= (bytes === 24 ? 40 : 0), `${count} blocks of ${bytes}, then ${again}`);
      // Of those ends, nothing is left: there is as much as in memory that came in a few large steps.
      const other = instance({ more: 40 });
      other.call("fill", 30 * PAGE);
      other.call("fill", bytes);
      assert.equal(other.call("fill", bytes), again);
      assert.equal(call("request", 43 * PAGE, 8), 0);
      assert.notEqual(call("request", 20 * PAGE, 8), 0);
      assert.equal(pages(), INITIAL + 40);
    }
  },

  a_step_grows_with_what_there_is() {
    const { call, pages } = instance({ more: 4000 });
    const block = call("request", 40 << 20, 8);
    assert.notEqual(block, 0);
    assert.ok(pages() < INITIAL + 680 * 1.07, "the first step is what the request needs");
    const before = pages();
    while (pages() === before) assert.notEqual(call("request", 10_000, 8), 0);
    assert.ok(pages() - before >= 80, "the next is a share of it");
  },

  every_alignment_up_to_a_page_of_wasm() {
    const { call } = instance({ more: 400 });
    for (let align = 1; align <= PAGE; align *= 2) {
      for (const bytes of [1, 64, 5000]) {
        const block = call("request", bytes, align);
        assert.ok(block !== 0 && block % align === 0, `${bytes} bytes at ${align}`);
      }
    }
    assert.equal(call("request", 8, 2 * PAGE), 0);
  },
};

run(tests);
