//! What tells soon that a change in `src` is wrong: a part of the whole test that takes less than three minutes once all was built before.
//!
//! The long tests are left out: the shadow model, threads, most loom models, firmware on most boards.

use anyhow::Result;
use cargo_metadata::Package;

use super::lanes::Job;
use super::tally::Tally;
use super::{CROSS, HOST, builds, firmware, host};
use crate::project;

/// Integration tests that say much in a short time.
const INTEGRATION: [&str; 8] =
    ["allocator", "emergency", "extend", "held", "layers", "suspended", "walk", "wrong_frees"];

/// Loom models of a few seconds: of the page's words, the fronts and `Small`.
const MODELS: [&str; 3] = ["model_page", "model_slots", "model_small_releases"];

pub fn jobs(library: &Package) -> Vec<Job<'_>> {
    let job = |title: &str, builds_in, run: fn(&mut Tally, &Package) -> Result<()>| Job {
        title: title.to_owned(),
        builds_in,
        run: Box::new(move |tally| run(tally, library)),
    };
    vec![
        job("the library on the host", HOST, |tally, _| on_the_host(tally)),
        job("loom", "target/loom", |tally, _| host::some_loom_models(tally, &MODELS)),
        job("bare metal", CROSS, |tally, _| {
            builds::bare_metal(tally)?;
            firmware::suite(tally)
        }),
    ]
}

fn on_the_host(tally: &mut Tally) -> Result<()> {
    let mut command = project::cargo("clippy");
    command.args(["--package", "larder", "--lib", "--all-features", "--", "-D", "warnings"]);
    tally.check("lints of the library", &mut command)?;
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--all-features", "--no-fail-fast", "--lib"]);
    command.args(INTEGRATION.iter().flat_map(|name| ["--test", name]));
    tally.cargo_test("unit tests and some of tests", &mut command)
}
