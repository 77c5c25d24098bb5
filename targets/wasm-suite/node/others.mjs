// What somebody else has in a module's memory.
import assert from "node:assert/strict";

export const PAGE = 65536;

// All of it holds this.
const FULL = Buffer.alloc(PAGE, 0x77);

export class Others {
  #memory;
  #pages = [];

  constructor(memory) {
    this.#memory = memory;
  }

  // They grow the memory by so many pages.
  take(count) {
    this.have(this.#memory.grow(count), count);
  }

  // These pages are theirs.
  have(first, count) {
    new Uint8Array(this.#memory.buffer, first * PAGE, count * PAGE).fill(FULL[0]);
    for (let page = first; page < first + count; page += 1) this.#pages.push(page);
  }

  verify() {
    for (const page of this.#pages) {
      assert.ok(FULL.equals(new Uint8Array(this.#memory.buffer, page * PAGE, PAGE)), `page ${page} is not as it was`);
    }
  }
}
