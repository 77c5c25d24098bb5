// Runs tests, and waits for each. The output is libtest's, so that one reader counts all.
export async function run(tests) {
  let failed = 0;
  const names = Object.keys(tests);
  console.log(`running ${names.length} tests`);
  for (const name of names) {
    try {
      await tests[name]();
      console.log(`test ${name} ... ok`);
    } catch (error) {
      failed += 1;
      console.log(`test ${name} ... FAILED\n${error.stack}`);
    }
  }
  console.log(`test result: ${failed === 0 ? "ok" : "FAILED"}. ${names.length - failed} passed; ${failed} failed;`);
  process.exit(failed === 0 ? 0 : 1);
}
