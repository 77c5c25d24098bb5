//! Puts the memory layout where the linker finds it, and generates the sensor log that the demo parses.

mod board;
mod sensor_log;

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out_dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out_dir = Path::new(&out_dir);
    let board = board::Board::of_target(&env::var("TARGET").expect("cargo sets TARGET"));
    fs::write(out_dir.join("memory.x"), board.memory())?;
    fs::write(out_dir.join("board.rs"), board.constants())?;
    let log = sensor_log::generate(0x1A4D_E400, 100 * 1024);
    fs::write(out_dir.join("sensor_log.jsonl"), &log.text)?;
    fs::write(out_dir.join("sensor_log_truth.rs"), log.truth())?;
    println!("cargo::rustc-link-search={}", out_dir.display());
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build");
    Ok(())
}
