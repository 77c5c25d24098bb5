//! Programs whose requests to the allocator are recorded as traces.
//!
//! The module is built for wasm32, so that sizes are those of a 32-bit machine, and run by `record.mjs`. A program
//! prepares its input unrecorded (firmware would have it in flash or on a wire) and runs its work in [`recorded`].
//! Nothing depends on time or on random numbers: a recording of the same build repeats to the byte.

mod codecs;
mod documents;
mod entropy;
mod inputs;
mod network;
mod recording;
mod scripts;
mod search;
mod stores;
mod synthetic;
mod text;

pub use recording::recorded;

/// Name of a trace and the program that makes it.
pub type Program = (&'static str, fn());

/// Every program. The name is the trace's file name.
const PROGRAMS: &[Program] = &[
    ("json", documents::json),
    ("toml", documents::toml),
    ("xml", documents::xml),
    ("csv", documents::csv),
    ("markdown", text::markdown),
    ("template", text::template),
    ("editor", text::editor),
    ("regex", search::regex),
    ("graph", search::graph),
    ("rhai", scripts::rhai),
    ("koto", scripts::koto),
    ("lua", scripts::lua),
    ("wasm", scripts::wasm),
    ("png", codecs::png),
    ("jpeg", codecs::jpeg),
    ("deflate", codecs::deflate),
    ("tcp", network::tcp),
    ("broker", network::broker),
    ("gateway", network::gateway),
    ("redb", stores::redb),
    ("lru", stores::lru),
    ("synthetic-small", synthetic::small),
    ("synthetic-mixed", synthetic::mixed),
    ("synthetic-vecs", synthetic::vecs),
    ("synthetic-firmware", synthetic::firmware),
];

/// Programs there are.
#[unsafe(no_mangle)]
pub extern "C" fn programs() -> usize {
    PROGRAMS.len()
}

/// Where the name of a program begins.
#[unsafe(no_mangle)]
pub extern "C" fn name_start(program: usize) -> *const u8 {
    PROGRAMS[program].0.as_ptr()
}

/// Bytes of the name of a program.
#[unsafe(no_mangle)]
pub extern "C" fn name_bytes(program: usize) -> usize {
    PROGRAMS[program].0.len()
}

/// Runs a program. Call it on a fresh instance of the module.
#[unsafe(no_mangle)]
pub extern "C" fn run(program: usize) {
    recording::report_panics();
    PROGRAMS[program].1();
}
