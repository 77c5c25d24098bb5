// Samples that are only taken while no other programs are at work, as those of benches/host are.
import { setTimeout } from "node:timers/promises";
import { Crew } from "./crew.mjs";

// What two workers that share nothing reach of one, at least, on a machine that has nothing else to do.
const QUIET = 1.7;
// How long a run waits for quiet moments, all together, before it gives up.
const PATIENCE_MS = 240_000;

// Two workers that share nothing.
export class Floor {
  static async hire() {
    const floor = new Floor();
    floor.crew = await Crew.of(new URL("floor.mjs", import.meta.url), [{}, {}]);
    // The first ones are for the compiler.
    for (let round = 0; round < 5; round++) await floor.ratio();
    return floor;
  }

  // How much more two of them do than one.
  async ratio() {
    const one = (await this.crew.run([[]])).nanoseconds;
    const two = (await this.crew.run([[], []])).nanoseconds;
    return (2 * one) / two;
  }

  async isQuiet() {
    return (await this.ratio()) >= QUIET;
  }

  async dismiss() {
    await this.crew.dismiss();
  }
}

export class Patience {
  waited = 0;

  constructor(isQuiet, milliseconds = PATIENCE_MS) {
    this.isQuiet = isQuiet;
    this.limit = milliseconds;
  }

  // Measures when the machine is quiet, before and after: what is measured while others are at work says nothing of the allocators.
  async quietly(measure) {
    while (this.waited < this.limit) {
      const begin = performance.now();
      if (await this.isQuiet()) {
        const sample = await measure();
        if (await this.isQuiet()) return sample;
      }
      await setTimeout(2);
      this.waited += performance.now() - begin;
    }
    throw new Error(
      `two workers that share nothing do not reach ${QUIET} times what one does: the machine is busy, or has less than two cores; --quick measures anyway`,
    );
  }
}
