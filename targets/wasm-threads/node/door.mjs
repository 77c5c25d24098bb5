// Where workers wait for each other: an array of two, how many have come and how many are expected.

// All begin together: who comes last opens the door.
export function enter(doors) {
  if (Atomics.add(doors, 0, 1) + 1 === doors[1]) Atomics.notify(doors, 0);
  for (let seen = Atomics.load(doors, 0); seen < doors[1]; seen = Atomics.load(doors, 0)) Atomics.wait(doors, 0, seen);
}
