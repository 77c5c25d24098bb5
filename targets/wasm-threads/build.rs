//! The memory is the host's. With atomics, workers share it, and each sets a stack pointer of its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let mut arguments = vec![
        "--import-memory",
        "--export=__stack_pointer",
        "--export=__heap_base",
        "--initial-memory=2097152",
        "--max-memory=1073741824",
    ];
    if features.split(',').any(|feature| feature == "atomics") {
        arguments.push("--shared-memory");
    }
    for argument in arguments {
        println!("cargo::rustc-link-arg-cdylib={argument}");
    }
}
