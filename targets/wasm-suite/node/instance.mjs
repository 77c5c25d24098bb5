// A fresh instance of the module, with a memory of its own, in which somebody else has pages too.
import assert from "node:assert/strict";

export const PAGE = 65536;
export const INITIAL = 72; // as build.rs says

// What is somebody else's holds this.
const theirPage = Buffer.alloc(PAGE, 0x77);

// Its memory has so many pages more at most, of which `behind` are there, and somebody else's, from the start.
export function instance(module, { more, behind = 0 }) {
  const memory = new WebAssembly.Memory({ initial: INITIAL + behind, maximum: INITIAL + more });
  const pages = () => memory.buffer.byteLength / PAGE;
  const theirs = [];
  const have = (first, count) => {
    new Uint8Array(memory.buffer, first * PAGE, count * PAGE).fill(theirPage[0]);
    for (let page = first; page < first + count; page += 1) theirs.push(page);
  };
  have(INITIAL, behind);
  const take = (count) => have(memory.grow(count), count);
  const verifyTheirs = () => {
    for (const page of theirs) {
      assert.ok(theirPage.equals(new Uint8Array(memory.buffer, page * PAGE, PAGE)), `page ${page} is not as it was`);
    }
  };

  let message = "";
  const host = {
    report: (text, len) => { message = new TextDecoder().decode(new Uint8Array(memory.buffer, text, len)); },
    take_pages: take,
  };
  const raw = new WebAssembly.Instance(module, { env: { memory }, host }).exports;
  const call = (name, ...args) => {
    try {
      return raw[name](...args) >>> 0;
    } catch (error) {
      throw new Error(message === "" ? `${name}: ${error}` : `${name}: ${message}`);
    }
  };
  return { call, memory, pages, take, verifyTheirs };
}
