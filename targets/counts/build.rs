//! Links the firmware; the memory layout comes from the packages of the boards.

fn main() {
    let target = std::env::var("TARGET").expect("cargo sets TARGET");
    if target.starts_with("riscv") {
        println!("cargo::rustc-link-arg-bins=-Tmemory.x");
    } else {
        println!("cargo::rustc-link-arg-bins=--nmagic");
    }
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build.rs");
}
