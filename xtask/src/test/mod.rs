//! Every test there is.
//!
//! | file | what it runs |
//! |---|---|
//! | `host` | the workspace's tests, the examples, the loom models |
//! | `builds` | the library in every combination of features, for bare metal, with its lints there, and as old a compiler as it promises; its documentation without features and for wasm |
//! | `cross` | programs for other targets that must compile, or must not and say why |
//! | `lines` | the README's dependency lines and quick starts, and the diffs of docs/migration.md |
//! | `benches` | the benchmarks' own tests |
//! | `wasm` | wasm modules under Node: growth, limits, workers that share a memory, malloc beside it |
//! | `fuzz` | the fuzzers, for a moment |
//! | `miri` | a few tests in an interpreter that finds undefined behaviour |
//! | `firmware` | firmware in QEMU, and its lints |
//! | `web` | the browser demo: its programs on the host, its page in a browser |
//! | `tally` | nothing: it counts |

mod benches;
mod builds;
mod cross;
mod firmware;
mod fuzz;
mod host;
mod lines;
mod miri;
mod tally;
mod wasm;
mod web;

use anyhow::Result;
use cargo_metadata::Package;
use clap::{Args, ValueEnum};

use crate::project;
use tally::Tally;

#[derive(Args)]
pub struct Options {
    /// Run these parts only
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// What can be run by itself.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// The workspace's unit, integration and documentation tests
    Host,
    /// The programs in examples/
    Examples,
    /// The loom models
    Loom,
    /// The benchmarks' own tests, which check every replay
    Benches,
    /// The library in every combination of features
    Features,
    /// The library for bare metal, and programs that only other targets refuse
    NoStd,
    /// The README's dependency lines and quick starts, with the newest version of each platform's crates; the diffs of docs/migration.md
    Lines,
    /// The library's documentation without features, and for wasm
    Docs,
    /// The library with the oldest compiler that it promises
    Msrv,
    /// wasm modules, under Node
    Wasm,
    /// The fuzzers, for a moment, where there is a nightly compiler
    Fuzz,
    /// A few tests in Miri, an interpreter that finds undefined behaviour, where there is a nightly compiler or rustup gets it
    Miri,
    /// The lints of the library for bare metal, and of the firmware
    Lints,
    /// The firmware in QEMU
    Qemu,
    /// The browser demo's programs, on the host
    Web,
    /// The browser demo in Chromium
    Browser,
}

pub fn run(options: &Options) -> Result<bool> {
    let metadata = project::metadata()?;
    let library = project::library(&metadata)?;
    let mut tally = Tally::default();
    for part in Part::value_variants() {
        if !options.only.is_empty() && !options.only.contains(part) {
            continue;
        }
        if let Err(error) = part.run(&mut tally, library) {
            // What could not be built or installed fails; the other parts go on.
            let title = part.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            tally.that(&title, Err(error));
        }
    }
    tally.report()
}

impl Part {
    /// Runs it; an error is what kept it from being run to its end, not a test that failed.
    fn run(self, tally: &mut Tally, library: &Package) -> Result<()> {
        match self {
            Part::Host => host::tests(tally, library)?,
            Part::Examples => host::examples(tally, library)?,
            Part::Loom => host::loom_models(tally, library)?,
            Part::Benches => benches::tests(tally)?,
            Part::Features => builds::feature_combinations(tally, library)?,
            Part::NoStd => {
                builds::bare_metal(tally)?;
                builds::chosen_atomics(tally)?;
                cross::cases(tally)?;
            }
            Part::Lines => {
                lines::dependency_lines(tally)?;
                lines::migrations(tally)?;
            }
            Part::Docs => builds::documentation(tally)?,
            Part::Msrv => builds::oldest_compiler(tally, library)?,
            Part::Wasm => wasm::under_node(tally)?,
            Part::Fuzz => fuzz::smoke(tally)?,
            Part::Miri => miri::briefly(tally)?,
            Part::Lints => {
                builds::lints(tally)?;
                firmware::lints(tally)?;
            }
            Part::Qemu => firmware::in_qemu(tally)?,
            Part::Web => web::on_the_host(tally)?,
            Part::Browser => web::in_a_browser(tally)?,
        }
        Ok(())
    }
}
