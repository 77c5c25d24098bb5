// The test's own idea of the map: what colour each 8 bytes should have, from the heap's walk and the page's legend.
function compare(shift) {
  const [CELL, TILE] = [8, 256];
  const { map, lab } = demo;
  map.draw();
  const { side, tile, tiles, column, row } = map;
  // Read from a copy: a canvas that is read often would be one that is drawn slowly.
  const copy = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  copy.drawImage(map.canvas, 0, 0);
  const pixels = copy.getImageData(0, 0, side, side).data;
  const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colour = (element) => {
    probe.fillStyle = getComputedStyle(element).backgroundColor;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const byName = {};
  for (const item of document.querySelectorAll("#legend li")) {
    const [first, second] = item.querySelectorAll("i");
    byName[item.innerText.trim()] = colour(first);
    if (second) byName[`${item.innerText.trim()} unused`] = colour(second);
  }

  // Names of all cells of the arena.
  const cells = new Array(map.arenaBytes / CELL);
  const rows = lab.pieces();
  for (let at = 0; at < rows.length; at += 6) {
    const [kind, start, bytes, block, blocks, live] = rows.subarray(at, at + 6);
    const from = start / CELL;
    const plain = ["free", "large block", "tables", "empty page", "", `${block} B unused`][kind];
    cells.fill(kind === 5 && live === 0 ? "empty page" : plain, from, from + bytes / CELL);
    for (let bit = 0; bit < 32; bit += 1) {
      if (kind === 5 && (live >>> bit) & 1) cells.fill(`${block} B`, from + bit, from + bit + block / CELL);
    }
  }

  const result = { compared: 0, wrong: 0, colours: 0, first: null };
  const met = new Set();
  const compareAt = (x, y, wanted, tolerance, offset) => {
    const at = (y * side + x) * 4;
    const seen = [...pixels.slice(at, at + 3)];
    result.compared += 1;
    met.add(seen.join());
    if (seen.some((channel, n) => Math.abs(channel - wanted[n]) > tolerance)) {
      result.wrong += 1;
      result.first ??= { offset, x, y, seen, wanted };
    }
  };
  for (let down = 0; down < map.seen; down += 1) {
    for (let across = 0; across < map.seen; across += 1) {
      const first = ((row + down) * tiles + column + across) * TILE + shift;
      const own = Array.from({ length: TILE / CELL }, (_, n) => byName[cells[(first / CELL + n) % cells.length]]);
      if (own.includes(undefined)) throw new Error(`no legend for what lies at ${first}`);
      if (tile >= CELL) {
        own.forEach((wanted, n) => compareAt(
          across * tile + Math.floor((n % 8 + 0.5) * tile / 8), down * tile + Math.floor((Math.floor(n / 8) + 0.5) * tile / 4), wanted, 0, first + n * CELL,
        ));
      } else {
        const mean = [0, 1, 2].map((channel) => own.reduce((sum, wanted) => sum + wanted[channel], 0) / own.length);
        compareAt(across * tile + (tile >> 1), down * tile + (tile >> 1), mean, 1.01, first);
      }
    }
  }
  result.colours = met.size;
  return result;
}
