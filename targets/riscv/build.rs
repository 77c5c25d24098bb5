//! Puts the memory layout where the linker finds it.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out_dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::copy("memory.x", Path::new(&out_dir).join("memory.x"))?;
    println!("cargo::rustc-link-search={out_dir}");
    println!("cargo::rustc-link-arg-bins=-Tmemory.x");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=memory.x");
    Ok(())
}
