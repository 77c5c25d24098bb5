// Runs the tests of modules with so many bytes of their own that are free: node run.mjs BYTES=MODULE.wasm…
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Others, PAGE } from "../../wasm-suite/node/others.mjs";
import { run } from "../../wasm-suite/node/runner.mjs";

// Less is not worth a table.
const LEAST = 1024;

function instance(module, bytes) {
  const { __heap_base, __heap_end, largest_free, memory, request } = new WebAssembly.Instance(module).exports;
  const [start, end] = [__heap_base.value, __heap_end.value];
  assert.deepEqual([end - start, end % PAGE, memory.buffer.byteLength], [bytes, 0, end], "it is built otherwise");
  // It need not be zeroed.
  new Uint8Array(memory.buffer, start, bytes).fill(0xA5);
  const pages = () => memory.buffer.byteLength / PAGE;
  return { start, end, others: new Others(memory), pages, largest_free, request };
}

const tests = {};

for (const argument of process.argv.slice(2)) {
  const [left, path] = argument.split("=");
  const bytes = Number(left);
  const module = new WebAssembly.Module(readFileSync(path));
  const fresh = () => instance(module, bytes);

  tests[`a_heap_begins_in_${bytes}_bytes_or_behind`] = () => {
    const { start, end, pages, request, largest_free } = fresh();
    assert.equal(request(8, 8), bytes < LEAST ? end : start);
    assert.equal(pages(), end / PAGE + (bytes < LEAST ? 1 : 0));
    const grown = pages();
    assert.notEqual(request(largest_free(), 8), 0);
    assert.deepEqual([pages(), largest_free()], [grown, 0]);
    assert.notEqual(request(3 * PAGE, PAGE), 0);
    assert.ok(largest_free() > 0);
  };

  tests[`a_heap_with_${bytes}_bytes_of_its_own_begins_behind_others`] = () => {
    const { start, end, others, request, largest_free } = fresh();
    others.take(2);
    assert.equal(request(8, 8), bytes < LEAST ? end + 2 * PAGE : start);
    assert.notEqual(request(largest_free(), 8), 0);
    assert.notEqual(request(3 * PAGE, PAGE), 0);
    assert.ok(largest_free() > 0);
    others.verify();
  };

  // Where the table begins depends on how far from a page's border the heap does, and on what others have.
  tests[`a_heap_with_${bytes}_bytes_of_its_own_leaves_others_theirs`] = () => {
    for (let count = 1; count < 70; count += 1) {
      const { others, pages, request, largest_free } = fresh();
      assert.notEqual(request(8, 8), 0);
      assert.notEqual(request(largest_free(), 8), 0);
      others.take(count);
      const before = pages();
      assert.notEqual(request(8, 8), 0);
      assert.ok(pages() > before);
      others.verify();
      assert.ok(largest_free() > 0);
    }
  };
}

run(tests);
