// Runs the tests of modules whose own memory has so many pages, or of modules with shared memory: node run.mjs [shared] PAGES=MODULE.wasm…
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PAGE } from "../../wasm-suite/node/others.mjs";
import { run } from "../../wasm-suite/node/runner.mjs";

const MIB = 1 << 20;
const GIB = 1024 * MIB;
const ALL = 65536;

// All addresses, as JavaScript's numbers.
const unsigned = (exports) => Object.fromEntries(
  Object.entries(exports).map(([name, value]) => [name, typeof value === "function" ? (...args) => value(...args) >>> 0 : value]),
);

const shared = process.argv[2] === "shared";

function instance(module, initial, maximum) {
  const memory = new WebAssembly.Memory({ initial, maximum, shared });
  const pages = () => memory.buffer.byteLength / PAGE;
  const grow = (count) => memory.grow(count);
  return { grow, pages, ...unsigned(new WebAssembly.Instance(module, { env: { memory } }).exports) };
}

// What a module can do that begins with little.
const growing = (fresh) => ({
  what_small_blocks_had_is_had_in_one_piece() {
    const { extents, hold, let_go, request, verify_empty } = fresh(512);
    const count = Math.floor((17 * MIB) / 1000);
    assert.equal(hold(1000, count), count);
    let_go(1000);
    verify_empty();
    assert.notEqual(request(16.5 * MIB), 0);
    assert.equal(extents(), 1);
  },

  what_blocks_had_is_had_in_one_piece_up_to_a_gibibyte() {
    const { extents, hold, let_go, release, request, verify_empty } = fresh(GIB / PAGE);
    assert.ok(hold(PAGE, ALL) * PAGE > 0.95 * GIB);
    let_go(PAGE);
    for (const bytes of [500 * MIB, 950 * MIB]) {
      const block = request(bytes);
      assert.notEqual(block, 0, `${bytes} bytes`);
      release(block, bytes);
    }
    verify_empty();
    assert.equal(extents(), 1);
  },

  a_block_may_be_as_long_as_a_layout_can_be() {
    const { extents, pages, release, request, resize, verify_empty } = fresh(ALL);
    const longest = 2048 * MIB - 8;
    for (const bytes of [900 * MIB, 2047 * MIB, longest]) {
      const block = request(bytes);
      assert.notEqual(block, 0, `${bytes} bytes`);
      release(block, bytes);
    }
    const [block, other] = [request(longest), request(1500 * MIB)];
    assert.ok(block !== 0 && other > 2 * GIB, `blocks at ${block} and ${other}`);
    assert.equal(request(longest), 0);
    // In place, behind 2 GiB.
    assert.equal(resize(other, 1500 * MIB, 1000 * MIB), other);
    assert.equal(resize(other, 1000 * MIB, 1600 * MIB), other);
    release(block, longest);
    release(other, 1600 * MIB);
    verify_empty();
    assert.ok(pages() > 0.9 * ALL);
    assert.equal(extents(), 1);
  },

  pools_lie_behind_two_gibibytes_as_well() {
    const { hold, let_go, release, request, verify_empty } = fresh(ALL);
    const block = request(2047 * MIB);
    assert.equal(hold(64, 100_000), 100_000);
    assert.ok(request(64) > 2 * GIB);
    let_go(64);
    release(block, 2047 * MIB);
    assert.ok(hold(64, 100_000) === 100_000);
    let_go(64);
  },

  a_growth_may_end_with_the_address_space() {
    const bytes = 100 * MIB;
    const scratch = fresh(ALL);
    scratch.request(8);
    scratch.grow(1);
    scratch.request(bytes);
    const needed = scratch.pages_grown();
    const { grow, pages, pages_grown, release, request, verify_empty } = fresh(ALL);
    assert.notEqual(request(8), 0);
    // Somebody else has all but what it takes.
    grow(ALL - pages() - needed);
    const block = request(bytes);
    assert.notEqual(block, 0);
    assert.deepEqual([pages(), pages_grown()], [ALL, needed]);
    assert.equal(request(bytes), 0);
    release(block, bytes);
    assert.equal(request(bytes), block);
    release(block, bytes);
  },

  the_last_page_is_worth_as_much_as_the_others() {
    const bytes = 1.5 * MIB;
    const [less, all] = [ALL - 1, ALL].map((maximum) => {
      const { hold, let_go, pages, verify_empty } = fresh(maximum);
      const count = hold(bytes, ALL);
      assert.ok(pages() > maximum - bytes / PAGE - 2, `${pages()} of ${maximum} pages`);
      let_go(bytes);
      verify_empty();
      return count;
    });
    assert.ok(all >= less && all * bytes > 3.8 * GIB, `${all} blocks, with a page less ${less}`);
  },
});

// What it can do if its memory is shared: tables can't move, so that there are some extents.
const growingShared = (fresh) => ({
  what_blocks_had_is_had_in_few_pieces() {
    for (const pages of [512, 3000, GIB / PAGE]) {
      const { extents, hold, let_go, pages: there, release, request, verify_empty } = fresh(pages);
      const bytes = 20_000;
      const count = hold(bytes, ALL);
      assert.ok(count * bytes > 0.88 * pages * PAGE, `${count} blocks in ${pages} pages`);
      assert.ok(there() > pages - 2);
      let_go(bytes);
      verify_empty();
      assert.ok(extents() < 9, `${extents()} extents`);
      const most = pages * PAGE === GIB ? 500 * MIB : Math.floor(0.4 * pages * PAGE);
      const block = request(most);
      assert.notEqual(block, 0, `${most} bytes of ${pages} pages`);
      release(block, most);
      assert.ok(hold(bytes, ALL) >= count);
    }
  },

  a_block_may_be_as_long_as_a_layout_can_be() {
    const { extents, pages, release, request, verify_empty } = fresh(ALL);
    const longest = 2048 * MIB - 8;
    for (const bytes of [900 * MIB, longest]) {
      const block = request(bytes);
      assert.notEqual(block, 0, `${bytes} bytes`);
      release(block, bytes);
    }
    assert.ok(pages() < ALL);
    verify_empty();
  },

  the_end_of_the_address_space_is_had_as_well() {
    const { hold, let_go, pages, verify_empty } = fresh(ALL);
    const bytes = 1.5 * MIB;
    const count = hold(bytes, ALL);
    assert.ok(count * bytes > 3.7 * GIB, `${count} blocks`);
    assert.ok(pages() > ALL - bytes / PAGE - 2);
    let_go(bytes);
    verify_empty();
  },
});

// What one can do that begins with much.
const beginning = (fresh, initial) => ({
  [`initial_memory_of_${initial}_pages_is_used`]() {
    for (const maximum of [initial, ALL]) {
      const { extents, hold, let_go, pages, pages_grown, request, verify_empty } = fresh(maximum);
      // All but the tables.
      const count = Math.floor((0.95 * initial * PAGE) / MIB);
      assert.equal(hold(MIB, count), count);
      assert.deepEqual([pages_grown(), pages()], [0, initial]);
      let_go(MIB);
      verify_empty();
      assert.notEqual(request(0.9 * Math.min(initial * PAGE, 2 * GIB)), 0);
      assert.deepEqual([pages_grown(), extents()], [0, 1]);
    }
  },
});

let tests = {};
for (const argument of process.argv.slice(shared ? 3 : 2)) {
  const [pages, path] = argument.split("=");
  const initial = Number(pages);
  const module = new WebAssembly.Module(readFileSync(path));
  const fresh = (maximum) => instance(module, initial, maximum);
  const small = shared ? growingShared : growing;
  tests = { ...tests, ...(initial < ALL / 8 ? small(fresh) : beginning(fresh, initial)) };
}
run(tests);
