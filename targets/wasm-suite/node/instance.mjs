// A fresh instance of the module, with a memory of its own, in which somebody else has pages too.
import { Others, PAGE } from "./others.mjs";

export const INITIAL = 72; // as build.rs says

// Its memory has so many pages more at most, of which `behind` are there, and somebody else's, from the start.
export function instance(module, { more, behind = 0 }) {
  const memory = new WebAssembly.Memory({ initial: INITIAL + behind, maximum: INITIAL + more });
  const others = new Others(memory);
  others.have(INITIAL, behind);
  const pages = () => memory.buffer.byteLength / PAGE;

  let message = "";
  const host = {
    report: (text, len) => { message = new TextDecoder().decode(new Uint8Array(memory.buffer, text, len)); },
    take_pages: (count) => others.take(count),
  };
  const raw = new WebAssembly.Instance(module, { env: { memory }, host }).exports;
  const call = (name, ...args) => {
    try {
      return raw[name](...args) >>> 0;
    } catch (error) {
      throw new Error(message === "" ? `${name}: ${error}` : `${name}: ${message}`);
    }
  };
  return { call, heapBase: raw.__heap_base.value, memory, others, pages };
}
