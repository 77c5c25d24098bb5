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
//! | `quick` | what tells within three minutes that a change in `src` is wrong |
//! | `lanes` | nothing: it runs parts side by side |
//! | `tally` | nothing: it counts |

mod benches;
mod builds;
mod cross;
mod firmware;
mod fuzz;
mod host;
mod lanes;
mod lines;
mod miri;
mod quick;
mod tally;
mod wasm;
mod web;

use anyhow::Result;
use cargo_metadata::Package;
use clap::{Args, ValueEnum};

use crate::{project, step};
use lanes::Job;
use tally::Tally;

#[derive(Args)]
pub struct Options {
    /// Run what tells soon that a change in `src` is wrong, and nothing else
    #[arg(value_enum, conflicts_with = "only")]
    scope: Option<Scope>,
    /// Run these parts only
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How many parts run side by side, if not one for each core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    lanes: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Scope {
    /// Lints, the library's tests without the long ones, short loom models, a build for bare metal and one firmware
    Quick,
}

/// What can be run by itself.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
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
    firmware::keep_this_program()?;
    let jobs = match options.scope {
        Some(Scope::Quick) => quick::jobs(library),
        None => jobs(&options.only, library),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let lanes = options.lanes.map_or(cores, usize::from);
    if lanes > 1 && jobs.len() > 1 {
        step::run_side_by_side();
    }
    lanes::run(jobs, lanes).report()
}

/// All jobs of these parts, or of all of them: those that take longest first, so that the lanes end at about the same time.
fn jobs<'job>(only: &[Part], library: &'job Package) -> Vec<Job<'job>> {
    let parts = Part::value_variants().iter().filter(|part| only.is_empty() || only.contains(part));
    let mut pieces: Vec<(Part, Piece)> =
        parts.flat_map(|part| part.pieces().into_iter().map(|piece| (*part, piece))).collect();
    pieces.sort_by_key(|(_, piece)| std::cmp::Reverse(piece.seconds));
    let job = |(part, piece): (Part, Piece)| {
        let title = part.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        Job { title, builds_in: piece.builds_in, run: Box::new(move |tally| (piece.run)(tally, library)) }
    };
    pieces.into_iter().map(job).collect()
}

/// What of a part runs by itself.
struct Piece {
    builds_in: &'static str,
    /// How long it takes on two cores, about.
    seconds: u32,
    /// An error is what kept it from being run to its end, not a test that failed.
    run: fn(&mut Tally, &Package) -> Result<()>,
}

/// Target directories.
const HOST: &str = "target";
const CROSS: &str = "target/cross";

impl Part {
    fn pieces(self) -> Vec<Piece> {
        let piece = |builds_in, seconds, run| Piece { builds_in, seconds, run };
        match self {
            Part::Host => {
                vec![piece(HOST, 400, host::tests), piece(HOST, 60, |tally, _| host::documentation_tests(tally))]
            }
            Part::Examples => vec![piece(HOST, 10, host::examples)],
            Part::Loom => vec![piece("target/loom", 400, host::loom_models)],
            Part::Benches => vec![piece("target/benches", 60, |tally, _| benches::tests(tally))],
            Part::Features => vec![piece(HOST, 60, builds::feature_combinations)],
            Part::NoStd => vec![piece(CROSS, 30, |tally, _| {
                builds::bare_metal(tally)?;
                builds::chosen_atomics(tally)?;
                cross::cases(tally)
            })],
            Part::Lines => vec![piece(CROSS, 60, |tally, _| {
                lines::dependency_lines(tally)?;
                lines::migrations(tally)
            })],
            Part::Docs => vec![piece(HOST, 10, |tally, _| builds::documentation(tally))],
            Part::Msrv => vec![piece("target/msrv", 10, builds::oldest_compiler)],
            Part::Wasm => vec![piece(CROSS, 150, |tally, _| wasm::under_node(tally))],
            Part::Fuzz => vec![piece("target/fuzz", 60, |tally, _| fuzz::smoke(tally))],
            Part::Miri => vec![piece("target/miri", 100, |tally, _| miri::briefly(tally))],
            Part::Lints => vec![piece(CROSS, 60, |tally, _| {
                builds::lints(tally)?;
                firmware::lints(tally)
            })],
            Part::Qemu => vec![piece(CROSS, 300, |tally, _| firmware::in_qemu(tally))],
            Part::Web => vec![piece("targets/wasm/target", 60, |tally, _| web::on_the_host(tally))],
            Part::Browser => vec![piece("targets/wasm/target", 300, |tally, _| web::in_a_browser(tally))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn titles(words: &[&str]) -> Vec<String> {
        let options = Command::try_parse_from(["test"].iter().chain(words)).ok().unwrap().options;
        let metadata = project::metadata().unwrap();
        jobs(&options.only, project::library(&metadata).unwrap()).into_iter().map(|job| job.title).collect()
    }

    #[test]
    fn every_part_is_run_and_the_long_ones_begin() {
        let all = titles(&[]);
        for part in Part::value_variants() {
            let name = part.to_possible_value().unwrap().get_name().to_owned();
            assert!(all.contains(&name), "{name} is not run");
        }
        assert!(all[..3].contains(&"host".to_owned()) && all[..3].contains(&"loom".to_owned()), "{all:?}");
    }

    #[test]
    fn some_parts_are_these_and_no_others() {
        assert_eq!(titles(&["--only", "docs", "--only", "examples"]), ["examples", "docs"]);
    }

    #[test]
    fn quick_is_all_or_nothing() {
        assert!(
            Command::try_parse_from(["test", "quick"]).is_ok_and(|command| command.options.scope == Some(Scope::Quick))
        );
        assert!(Command::try_parse_from(["test", "quick", "--only", "docs"]).is_err());
        assert!(Command::try_parse_from(["test", "--lanes", "0"]).is_err());
    }
}
