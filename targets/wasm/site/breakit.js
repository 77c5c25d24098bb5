// Break it: what larder reports to wrong calls, exhaustion and leaks.
import { grouped, plural } from "./words.js";

const $ = (id) => document.getElementById(id);
/** Entries that the log keeps, and milliseconds between two looks for what leaks. */
const KEPT = 30;
const HUNT_MS = 500;
/** Blocks that leak in a frame: more in a large arena, where a few would be lost among those that come and go. */
const leakRate = (arenaBytes) => Math.round(Math.sqrt(arenaBytes) / 64);

export class Breaks {
  constructor({ lab, rows, arena, changed, acted }) {
    Object.assign(this, { lab, rows, arena, changed, acted, leaking: null, exhausted: false, hunted: 0 });
    $("double-free").addEventListener("click", () => this.log("A block freed twice", lab().double_free()));
    $("wrong-pointer").addEventListener("click", () => this.log("Wrong addresses", lab().wrong_pointers()));
    $("exhaust").addEventListener("click", () => this.exhaust(!this.exhausted));
    $("leak").addEventListener("click", () => (this.leaking ? this.mend() : this.leak()));
  }

  /** Whether something goes on although the programs may be stopped. */
  get busy() { return this.leaking !== null; }

  /** The heap is new: nothing is held any more. */
  startOver() {
    this.leaking = null;
    this.show("exhaust", false, "Use everything up");
    this.show("leak", false, "Leak");
    this.exhausted = false;
    $("leak-hunt").hidden = true;
  }

  show(id, on, words) {
    $(id).classList.toggle("on", on);
    $(id).textContent = words;
  }

  exhaust(take) {
    this.exhausted = take;
    this.show("exhaust", take, take ? "Give it back" : "Use everything up");
    this.log(take ? "Everything used up" : "Given back", this.lab().exhaust(take));
    // What this took or gave is no leak.
    if (this.leaking) Object.assign(this.leaking, { since: performance.now(), live: this.live() });
  }

  leak() {
    this.leaking = { since: performance.now(), live: this.live() };
    this.show("leak", true, "Stop, and mend");
    $("leak-hunt").hidden = false;
  }

  mend() {
    this.hunt(performance.now());
    this.leaking = null;
    this.show("leak", false, "Leak");
    this.log("A leak, mended", [$("leak-hunt").textContent, ...this.lab().mend()]);
    $("leak-hunt").hidden = true;
  }

  /** Live blocks, by block size. */
  live() {
    const rows = this.rows();
    return new Map(Array.from({ length: rows.length / 5 }, (_, at) => [rows[at * 5], rows[at * 5 + 3]]));
  }

  frame(now) {
    if (!this.leaking) return;
    this.lab().leak(leakRate(this.arena()));
    this.changed();
    if (now - this.hunted > HUNT_MS) {
      this.hunted = now;
      this.hunt(now);
    }
  }

  /** Whose live blocks have grown most since the leak began: larder's counters say it. */
  hunt(now) {
    let [suspect, most] = [0, 0];
    for (const [size, live] of this.live()) {
      const grown = live - this.leaking.live.get(size);
      if (grown > most) [suspect, most] = [size, grown];
    }
    const seconds = Math.max(1, Math.round((now - this.leaking.since) / 1000));
    $("leak-hunt").textContent = most
      ? `larder's counters: blocks of ${suspect} bytes grew most, by ${plural(most, "live block")} in ${seconds} s.`
      : "No class has more live blocks than before.";
  }

  log(title, lines) {
    const entry = document.createElement("div");
    const heading = document.createElement("b");
    heading.textContent = title;
    entry.append(heading, ...lines.map((line) => {
      const element = document.createElement("span");
      element.textContent = line.replace(/\b\d{4,}\b/g, (digits) => grouped(Number(digits)));
      if (line.startsWith("larder: ")) element.className = "larder";
      if (line.includes("every invariant holds")) element.className = "fine";
      return element;
    }));
    $("log").querySelector(".hint")?.remove();
    $("log").prepend(entry);
    while ($("log").children.length > KEPT) $("log").lastChild.remove();
    this.changed();
    this.acted();
  }
}
