// Numbers and happenings, in words.

/** 1536 → "1.5 KiB" */
export function bytes(n) {
  if (n < 1024) return `${n} B`;
  const [value, unit] = n < 1 << 20 ? [n / 1024, "KiB"] : [n / (1 << 20), "MiB"];
  return `${value >= 100 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

/** 1234567 → "1.23 M" */
export function count(n) {
  if (n < 10_000) return Math.round(n).toLocaleString("en");
  if (n < 1e6) return `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)} k`;
  return `${(n / 1e6).toFixed(2)} M`;
}

/** 12345 → "12.3 µs" */
export const time = (nanoseconds) => (nanoseconds < 1000 ? `${Math.round(nanoseconds)} ns` : `${(nanoseconds / 1000).toFixed(1)} µs`);

/** 5012 → "5.0 s" */
export const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;

export const percent = (share) => `${Math.round(share * 100)} %`;
export const place = (offset) => `arena + 0x${offset.toString(16)}`;
/** 12345 → "12,345" */
export const grouped = (n) => n.toLocaleString("en");
export const plural = (n, word) => `${grouped(n)} ${word}${n === 1 ? "" : "s"}`;

/** 1 → "1 request was refused" */
export const refusals = (n) => `${count(n)} request${n === 1 ? " was" : "s were"} refused`;

const ones = (mask) => {
  let n = 0;
  for (let rest = mask >>> 0; rest; rest &= rest - 1) n += 1;
  return n;
};

/** A piece of the arena: kind, offset, bytes, block size, blocks, live blocks. */
export const KINDS = ["free", "large", "tables", "spare", "unknown", "page"];

/** What lies at an offset. */
export function piece([kind, start, size, block, blocks, live], offset) {
  const page = `Page ${Math.floor(offset / 256) + 1}`;
  switch (KINDS[kind]) {
    case "page": {
      const [used, all] = [ones(live), ones(blocks)];
      const what = `blocks of ${block} B: ${used} live, ${all - used} free; ${used * block} of ${size} bytes in use.`;
      if (!used) return `${page} · was for blocks of ${block} B; empty, any class or large block can have it.`;
      const bit = Math.floor(Math.floor((offset - start) / block) * block / 8);
      const here = bit < 32 && (blocks >>> bit) & 1 ? ((live >>> bit) & 1 ? " Here: live." : " Here: free.") : "";
      return `${page} · ${what}${here}`;
    }
    case "large": return `${page} · one large block of ${bytes(size)}, from ${place(start)}.`;
    case "free": return `${page} · a free run of ${bytes(size)}, from ${place(start)}.`;
    case "tables": return `${page} · larder's own tables: ${bytes(size)}.`;
    case "spare": return `${page} · an empty page that waits for the next class that needs one.`;
    default: return `${page} · changed while it was looked at.`;
  }
}

const ASKED = ["", "Asked for a block", "Asked for another size", "Gave a block back"];

/** What one call did. */
export function call([asked, what, offset, size]) {
  if (!asked) return "No program runs: give one a share.";
  switch (what) {
    case 1: return `${ASKED[asked]}: ${plural(size, "byte")}, at ${place(offset)}, page ${Math.floor(offset / 256) + 1}.`;
    case 2: return `${ASKED[asked]}: ${plural(size, "byte")}, at ${place(offset)}, page ${Math.floor(offset / 256) + 1}.`;
    case 3: return `${ASKED[asked]} of ${plural(size, "byte")}: refused.`;
    default: return "Nothing to do: that block had been refused before.";
  }
}
