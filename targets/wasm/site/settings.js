// The settings in the page's address, so that a run can be shared: #arena=1048576&seed=1&fill=70&speed=72&mix=3-2-2-0-0

const $ = (id) => document.getElementById(id);
const IDS = ["arena", "seed", "fill", "speed"];

/** Writes what is set into the address. */
export function write(mix) {
  const words = IDS.map((id) => `${id}=${$(id).value}`);
  history.replaceState(null, "", `#${[...words, `mix=${mix.map(({ value }) => value).join("-")}`].join("&")}`);
}

/** Sets what the address says. What it does not say, or what can't be, stays as it is. */
export function read(mix) {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const id of IDS) put($(id), said.get(id));
  said.get("mix")?.split("-").slice(0, mix.length).forEach((share, at) => put(mix[at], share));
}

function put(control, value) {
  if (value === null || !/^\d+$/.test(value)) return;
  const before = control.value;
  control.value = value;
  // A slider takes the nearest value that it can have; a list takes none, and a number field takes any.
  if (control.value === "" || !control.checkValidity()) control.value = before;
}
