// Before all modules: says that the page could not start, and why. app.js may be the file that is missing.
{
  /** Milliseconds after which a page that is not ready is said to have failed. It goes on waiting. */
  const PATIENCE_MS = 15_000;
  const PROGRAMS = "lab_bg.wasm";
  const MODULES = "script[type=module], [rel=modulepreload]";

  const isReady = () => globalThis.demo?.ready;
  const fileOf = ({ src, href }) => (src ?? href).split("/").at(-1);
  let isTold = false;

  /** Only the first reason is told: what fails after it fails because of it. */
  const fail = (reason) => {
    if (isTold) return;
    isTold = true;
    const words = `${isReady() ? "Something went wrong" : "The page could not start"}: ${reason}. Reload it to try again.`;
    const tell = () => {
      for (const id of ["said", "spoken"]) document.getElementById(id).textContent = words;
      document.getElementById("said").classList.add("bad");
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", tell);
    else tell();
  };

  /** The first file that has not come. The programs are last: the modules ask for them. */
  const missing = () => {
    const come = performance.getEntriesByType("resource").map(({ name }) => name.split("/").at(-1));
    return [...document.querySelectorAll(MODULES)].map(fileOf).concat(PROGRAMS).find((file) => !come.includes(file));
  };

  // A file that fails says so at its own element only, on the way down.
  addEventListener("error", ({ target, message, error }) => {
    if (target === window) fail(error?.message ?? message);
    else if (target.matches(MODULES)) fail(`${fileOf(target)} cannot be loaded`);
  }, true);
  addEventListener("unhandledrejection", ({ reason }) => fail(reason?.message ?? reason));
  setTimeout(() => {
    const file = missing();
    if (!isReady()) fail(`${file ? `${file} has not come` : "it is not ready"} after ${PATIENCE_MS / 1000} s`);
  }, PATIENCE_MS);
}
