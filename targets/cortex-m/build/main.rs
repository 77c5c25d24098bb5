//! Puts the memory layout where the linker finds it.

mod board;

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out_dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out_dir = Path::new(&out_dir);
    let board = board::Board::of_target(&env::var("TARGET").expect("cargo sets TARGET"));
    fs::write(out_dir.join("memory.x"), board.memory())?;
    fs::write(out_dir.join("board.rs"), board.constants())?;
    println!("cargo::rustc-link-search={}", out_dir.display());
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build");
    Ok(())
}
