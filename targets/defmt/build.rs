//! Links the firmware; the memory layout comes from the package `larder-cortex-m`, and where log strings go from `defmt`.

fn main() {
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    println!("cargo::rerun-if-changed=build.rs");
}
