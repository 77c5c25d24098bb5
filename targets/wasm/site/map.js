// The map: zoom, pan, and what lies where.
import { piece } from "./words.js";

const TILE_BYTES = 256;
const CELL_BYTES = 8;
const LARGEST_TILE = 64;

export class HeapMap {
  /** `words` says what is chosen, all the time; `spoken`, once for each key. `heap` gives the lab; `memory` its bytes. */
  constructor({ canvas, frame, cursor, words, spoken, heap, memory }) {
    Object.assign(this, { canvas, frame, cursor, words, spoken, heap, memory });
    this.context = canvas.getContext("2d", { alpha: false });
    this.invitation = words.textContent;
    this.chosen = null;
    this.listen();
  }

  /** A new arena, all of it in sight. */
  show(arenaBytes) {
    this.arenaBytes = arenaBytes;
    this.tiles = Math.sqrt(arenaBytes / TILE_BYTES);
    this.chosen = null;
    this.words.textContent = this.invitation;
    this.cursor.hidden = true;
    this.fit();
  }

  /** Pixels of a side that are as sharp as the screen. */
  get sharp() { return this.frame.clientWidth * devicePixelRatio > 768 ? 1024 : 512; }

  /** All of the arena. */
  fit() {
    this.side = this.sharp;
    this.canvas.width = this.canvas.height = this.side;
    this.view(this.side / this.tiles, 0, 0);
  }

  get seen() { return Math.min(this.tiles, this.side / this.tile); }

  view(tile, column, row) {
    this.tile = Math.min(Math.max(tile, this.side / this.tiles), LARGEST_TILE * this.side / 512);
    const last = this.tiles - this.seen;
    this.column = Math.round(Math.min(Math.max(column, 0), last));
    this.row = Math.round(Math.min(Math.max(row, 0), last));
    this.heap().set_view(this.side, this.tiles, this.tile, this.column, this.row);
    this.frame.classList.toggle("zoomed", this.seen < this.tiles);
    this.stale = true;
    this.placeCursor();
  }

  /** Twice as large, or half, around the chosen page or the middle. */
  zoom(factor) {
    const middle = this.seen / 2;
    const [column, row] = this.chosen === null
      ? [this.column + middle, this.row + middle]
      : [this.chosenTile % this.tiles + 0.5, Math.floor(this.chosenTile / this.tiles) + 0.5];
    const seen = Math.min(this.tiles, this.side / Math.max(this.tile * factor, 1));
    this.view(this.tile * factor, column - seen / 2, row - seen / 2);
  }

  draw() {
    const pixels = this.heap().draw();
    const bytes = new Uint8ClampedArray(this.memory().buffer, pixels, this.side * this.side * 4);
    this.context.putImageData(new ImageData(bytes, this.side, this.side), 0, 0);
    this.stale = false;
    // Of the walk that was drawn, so that the words and the colours are of the same moment.
    if (this.chosen !== null) this.tell(this.heap().watched());
  }

  get chosenTile() { return Math.floor(this.chosen / TILE_BYTES); }

  /** Chooses an offset of the arena, and says what is there. */
  choose(offset, into = false) {
    this.chosen = Math.min(Math.max(offset, 0), this.arenaBytes - CELL_BYTES);
    if (into) this.reveal();
    this.placeCursor();
    this.heap().watch(this.chosen);
    this.tell(this.heap().watched());
  }

  /** Says what is at the chosen offset. */
  tell(row) {
    const words = row.length ? piece(row, this.chosen) : "Nothing.";
    if (this.words.textContent !== words) this.words.textContent = words;
  }

  reveal() {
    const [column, row] = [this.chosenTile % this.tiles, Math.floor(this.chosenTile / this.tiles)];
    const inside = (at, first) => at >= first && at < first + this.seen;
    if (!inside(column, this.column) || !inside(row, this.row)) this.view(this.tile, column - this.seen / 2, row - this.seen / 2);
  }

  placeCursor() {
    if (this.chosen === null) return;
    const scale = this.canvas.clientWidth / this.side;
    const [column, row] = [this.chosenTile % this.tiles - this.column, Math.floor(this.chosenTile / this.tiles) - this.row];
    const outside = column < 0 || row < 0 || column >= this.seen || row >= this.seen;
    this.cursor.hidden = outside;
    const size = Math.max(this.tile * scale, 5);
    Object.assign(this.cursor.style, {
      left: `${column * this.tile * scale}px`, top: `${row * this.tile * scale}px`, width: `${size}px`, height: `${size}px`,
    });
  }

  /** The offset under a pointer. */
  offsetAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = (from, to, length) => Math.min(Math.max((from - to) / length * this.side, 0), this.side - 1);
    const [x, y] = [at(event.clientX, box.left, box.width), at(event.clientY, box.top, box.height)];
    const [column, row] = [this.column + Math.floor(x / this.tile), this.row + Math.floor(y / this.tile)];
    const cell = Math.floor(x % this.tile / this.tile * 8) + 8 * Math.floor(y % this.tile / this.tile * 4);
    return (row * this.tiles + column) * TILE_BYTES + (this.tile >= 8 ? cell * CELL_BYTES : 0);
  }

  listen() {
    const { canvas } = this;
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      this.choose(this.offsetAt(event));
      if (this.seen < this.tiles) {
        drag = { x: event.clientX, y: event.clientY, column: this.column, row: this.row };
        canvas.setPointerCapture(event.pointerId);
      }
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return event.pointerType === "mouse" ? this.choose(this.offsetAt(event)) : undefined;
      const perTile = this.tile * canvas.clientWidth / this.side;
      this.view(this.tile, drag.column - (event.clientX - drag.x) / perTile, drag.row - (event.clientY - drag.y) / perTile);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { drag = null; });
    canvas.addEventListener("dblclick", () => this.zoom(2));
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.choose(this.offsetAt(event));
      this.zoom(event.deltaY < 0 ? 2 : 0.5);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    // A phone resizes whenever its bars come and go: then the view stays.
    addEventListener("resize", () => { if (this.side !== this.sharp) this.fit(); else this.placeCursor(); });
  }

  /** Goes to an offset; not beyond the edges, but to the last page on End. */
  walk(goal, key) {
    const inside = goal >= 0 && (goal < this.arenaBytes || key === "End");
    this.choose(this.chosen === null ? 0 : inside ? goal : this.chosen, true);
    this.spoken.textContent = this.words.textContent;
  }

  key(event) {
    const now = this.chosen ?? 0;
    const row = this.tiles * TILE_BYTES;
    const goals = {
      ArrowLeft: now - TILE_BYTES, ArrowRight: now + TILE_BYTES, ArrowUp: now - row, ArrowDown: now + row, Home: 0, End: this.arenaBytes,
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in goals) this.walk(goals[event.key], event.key);
    else if (event.key === "+" || event.key === "=") this.zoom(2);
    else if (event.key === "-") this.zoom(0.5);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }
}
