// When a sample counts: node quiet-test.mjs
import assert from "node:assert/strict";
import { Patience } from "./quiet.mjs";
import { run } from "../../wasm-suite/node/runner.mjs";

// A machine that is quiet or busy as the list says, one look after the other.
function machine(looks) {
  const left = [...looks];
  return { left, isQuiet: async () => left.shift() };
}

const tests = {
  async a_sample_counts_only_between_two_quiet_moments() {
    const [quiet, busy] = [true, false];
    const { left, isQuiet } = machine([busy, quiet, busy, quiet, quiet]);
    let taken = 0;
    const sample = await new Patience(isQuiet).quietly(async () => ++taken);
    // The first one was taken while the machine became busy.
    assert.deepEqual([sample, taken, left], [2, 2, []]);
  },

  async a_run_on_a_busy_machine_ends_with_an_error() {
    let looks = 0;
    const patience = new Patience(async () => ++looks === 0, 20);
    const never = () => assert.fail("it was measured");
    await assert.rejects(patience.quietly(never), /the machine is busy/);
    const before = looks;
    assert.ok(before > 0);
    // Nor does the next sample begin to wait anew.
    await assert.rejects(patience.quietly(never), /the machine is busy/);
    assert.equal(looks, before);
  },
};

run(tests);
