// Tests of the small heap whose memory grows.
import assert from "node:assert/strict";
import { INITIAL } from "./instance.mjs";
import { PAGE } from "./others.mjs";

// How many bytes can be had of so many, with their table: of 66, 64.
const room = (bytes) => Math.floor((bytes - 4) / 66) * 64;

// How many pages more it takes, at least, for blocks up to so many bytes behind the start.
function lack(bytes, wanted) {
  let pages = 0;
  while (room(bytes + pages * PAGE) < wanted) pages += 1;
  return pages;
}

export const small = (instance) => ({
  a_small_heap_has_nothing_before_the_first_request() {
    const { call, pages } = instance({ more: 10, behind: 2 });
    call("small_verify_nothing");
    assert.equal(pages(), INITIAL + 2);
  },

  a_small_heap_begins_between_the_linkers_symbols() {
    const { call, heapBase, memory, others, pages } = instance({ more: 20, behind: 3 });
    // It need not be zeroed.
    new Uint8Array(memory.buffer, heapBase, INITIAL * PAGE - heapBase).fill(0xA5);
    const start = call("small_request", 8, 8);
    assert.equal(start, Math.ceil(heapBase / 8) * 8);
    // All of that comes first, and to its last granule.
    const own = room(INITIAL * PAGE - start);
    assert.equal(call("small_request", own - 16, 8), start + 8);
    assert.equal(call("small_request", 8, 8), start + own - 8);
    assert.equal(pages(), INITIAL + 3);
    assert.equal(call("small_request", PAGE / 2, 8), (INITIAL + 3) * PAGE);
    assert.equal(pages(), INITIAL + 4);
    // Where the table was there is room now.
    assert.equal(call("small_request", 8, 8), start + own);
    others.verify();
    call("small_verify_pieces");
  },

  the_differential_suite_grows_a_small_heap() {
    for (const seed of [1, 2]) {
      const { call, pages } = instance({ more: 1000 });
      call("small_differential", seed, 2500, 0);
      call("small_verify_pieces");
      assert.ok(pages() > INITIAL + 3);
    }
  },

  the_differential_suite_of_a_small_heap_at_a_limit() {
    for (const seed of [4, 5]) {
      const unlimited = instance({ more: 1000 }).call("small_differential", seed, 2500, 0);
      const { call, pages } = instance({ more: 1 });
      const refused = call("small_differential", seed, 2500, 0);
      assert.ok(refused > unlimited + 30, `${refused} refused, ${unlimited} without a limit`);
      assert.equal(pages(), INITIAL + 1);
    }
  },

  the_differential_suite_of_a_small_heap_beside_somebody_who_takes_pages() {
    for (const [seed, taken, steps] of [[7, 1, 2500], [8, 3, 1500], [9, 70, 450]]) {
      const { call, others, pages } = instance({ more: 1000, behind: seed - 7 });
      call("small_differential", seed, steps, taken);
      call("small_verify_pieces");
      others.verify();
      assert.ok(pages() > INITIAL + taken * Math.ceil((steps - 100) / 256));
    }
  },

  a_small_heap_and_a_large_one_share_a_module() {
    for (const [seed, isSmallFirst] of [[11, 0], [12, 1]]) {
      const { call, others } = instance({ more: 1000, behind: 1 });
      const turns = call("small_and_large", seed, 3000, isSmallFirst);
      assert.ok(turns >= 4, `the heaps took turns ${turns} times only`);
      call("verify_empty");
      call("small_verify_pieces");
      others.verify();
    }
  },

  a_small_heap_whose_modules_memory_is_taken_begins_behind_it() {
    for (const behind of [0, 3]) {
      const { call, others, pages } = instance({ more: 100, behind });
      assert.ok(call("request", 8, 8) < INITIAL * PAGE);
      call("small_verify_nothing");
      assert.equal(call("small_request", 100, 8), (INITIAL + behind) * PAGE);
      assert.equal(pages(), INITIAL + behind + 1, "what lies before it needs no states");
      others.verify();
      call("small_verify_pieces");
    }
  },

  a_small_heap_that_can_have_no_memory_refuses() {
    const { call, pages } = instance({ more: 0 });
    call("request", 8, 8);
    assert.equal(call("small_request", 8, 8), 0);
    call("small_verify_nothing");
    assert.equal(call("small_request", 8, 8), 0);
    assert.equal(call("small_refused"), 2);
    assert.equal(pages(), INITIAL);
  },

  // By what it has, and then by what others have: the table for that is longer than what a small request gets.
  a_small_heap_beside_somebody_with_many_pages() {
    for (const [taken, bytes] of [[1, 8], [63, 8], [64, 8], [65, 8], [2000, 8], [2000, 100_000]]) {
      const { call, others, pages } = instance({ more: 2500 });
      const start = call("small_request", 8, 8);
      assert.notEqual(call("small_request", call("small_largest_free"), 8), 0);
      others.take(taken);
      const end = pages();
      const block = call("small_request", bytes, 8);
      // A small one has room where the table was.
      const tableWas = start + room(INITIAL * PAGE - start);
      assert.equal(block, bytes < INITIAL * PAGE - tableWas ? tableWas : end * PAGE);
      // An eighth, unless it takes more.
      const least = lack(end * PAGE - start, end * PAGE - start + bytes);
      assert.equal(pages() - end, Math.max(Math.floor((end * PAGE - start) / (8 * PAGE)), least));
      others.verify();
      assert.notEqual(call("small_request", 5 << 20, 8), 0);
      others.verify();
      call("small_verify_pieces");
    }
  },

  a_small_heap_grows_once_for_a_request() {
    for (const taken of [0, 1, 100]) {
      for (let extra = -1200; extra < 1200; extra += 48) {
        const { call, others, pages } = instance({ more: 1000 });
        const start = call("small_request", 8, 8);
        assert.notEqual(call("small_request", room(INITIAL * PAGE - start) - PAGE, 8), 0);
        others.take(taken);
        const end = pages();
        // What is free at the heap's end counts, unless what follows is somebody else's.
        const first = taken === 0 ? start + 8 + room(INITIAL * PAGE - start) - PAGE : end * PAGE;
        const bytes = 100 * PAGE + extra;
        assert.equal(call("small_request", bytes, 8), first);
        const least = lack(end * PAGE - start, first - start + bytes);
        assert.ok([least, least + 1].includes(pages() - end), `${pages() - end} pages for ${bytes} bytes, ${taken} taken`);
        others.verify();
      }
    }
  },

  a_small_heaps_first_request_may_be_larger_than_the_modules_memory() {
    const { call, others, pages } = instance({ more: 1000 });
    const start = call("small_request", 20 << 20, 8);
    assert.ok(start < INITIAL * PAGE, "it begins in the module's own memory");
    assert.ok(pages() - INITIAL <= lack(INITIAL * PAGE - start, 20 << 20) + 1);
    call("small_verify_pieces");

    const beside = instance({ more: 1000, behind: 2 });
    assert.equal(beside.call("small_request", 20 << 20, 8), (INITIAL + 2) * PAGE);
    assert.ok(beside.call("small_request", 8, 8) < INITIAL * PAGE);
    beside.others.verify();
    beside.call("small_verify_pieces");
  },

  at_the_limit_a_small_heap_gets_null_and_goes_on() {
    for (const bytes of [24, 64, 1000, 50_000]) {
      const { call, pages } = instance({ more: 40 });
      const start = call("small_request", 8, 8);
      const count = call("small_fill", bytes);
      assert.equal(pages(), INITIAL + 40);
      // To the last granule that has room.
      const all = room((INITIAL + 40) * PAGE - start) - 8;
      assert.equal(count, Math.floor(all / (Math.ceil(bytes / 8) * 8)));
      assert.equal(call("small_refused"), 1);
      assert.equal(call("small_fill", bytes), count);
      assert.equal(pages(), INITIAL + 40);
      call("small_verify_pieces");
      assert.equal(call("small_request", all + 8, 8), 0);
      assert.equal(call("small_request", all, 8), start + 8);
      assert.equal(call("small_request", 1, 1), 0);
    }
  },

  a_small_heap_gets_the_last_page_too() {
    for (let free = 0; free <= 9; free += 1) {
      const { call, pages } = instance({ more: free });
      const start = call("small_request", 8, 8);
      const all = room((INITIAL + free) * PAGE - start) - 8;
      assert.equal(call("small_request", all + 8, 8), 0);
      // Before it asks, it rounds up, by less than 10 granules.
      assert.equal(call("small_request", all - 80, 8), start + 8);
      assert.equal(pages(), INITIAL + free);
    }
  },

  a_step_of_a_small_heap_grows_with_what_there_is() {
    const { call, pages } = instance({ more: 4000 });
    assert.notEqual(call("small_request", 40 << 20, 8), 0);
    assert.ok(pages() < INITIAL + 680 * 1.04, "the first step is what the request needs");
    const before = pages();
    while (pages() === before) assert.notEqual(call("small_request", 10_000, 8), 0);
    assert.ok(pages() - before >= 80, "the next is a share of it");
  },

  a_block_of_a_small_heap_that_is_resized_keeps_what_it_holds() {
    const { call, pages } = instance({ more: 2000 });
    assert.ok(call("small_resize", 16 << 20) > 10);
    assert.ok(pages() > INITIAL + 256);
    call("small_verify_pieces");
  },

  every_alignment_of_a_small_heap() {
    const { call, others } = instance({ more: 4000, behind: 1 });
    for (let align = 1; align <= 16 << 20; align *= 2) {
      for (const bytes of [1, 64, 5000, 100_000]) {
        const block = call("small_request", bytes, align);
        assert.ok(block !== 0 && block % align === 0, `${bytes} bytes at ${align}`);
      }
    }
    others.verify();
    call("small_verify_pieces");
  },

  a_small_heap_knows_a_memory_that_others_have_all_of() {
    for (const isFirst of [false, true]) {
      const { call, memory } = instance({ more: 65536 - INITIAL });
      call(isFirst ? "request" : "small_request", 8, 8);
      memory.grow(65536 - INITIAL);
      assert.equal(call("small_request", INITIAL * PAGE, 8), 0);
      assert.equal(call("small_request", 2 ** 31 - 8, 8), 0);
      assert.equal(call("small_request", 8, 8) !== 0, !isFirst);
      call("small_verify");
    }
  },

  // Where the memory is as large as can be: sizes and addresses up to the last that 32 bits can tell.
  a_small_heap_has_all_of_four_gibibytes() {
    const { call, pages } = instance({ more: 65536 - INITIAL });
    const start = call("small_request", 8, 8);
    const refuse = () => {
      for (const align of [1, 8, PAGE, 2 ** 24, 2 ** 30]) {
        const most = 2 ** 31 - align;
        assert.equal(call("small_request", most, align), 0, `${most} bytes at ${align}`);
      }
    };
    assert.equal(call("small_request", 2 ** 31 - 8, 8), start + 8);
    assert.ok(pages() < 34_000);
    assert.notEqual(call("small_request", 1_900_000_000, PAGE), 0);
    refuse();
    // All but the last page, which has no end that is an address.
    let bytes = 64 << 20;
    while (bytes >= 8) if (call("small_request", bytes, 8) === 0) bytes /= 2;
    assert.ok(pages() >= 65535);
    refuse();
    call("small_verify");
    assert.equal(call("small_largest_free"), 0);
  },
});
