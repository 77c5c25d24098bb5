//! The memory is the test's: so large at first that the linker's `__heap_end` is known, and with a limit that each test sets.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for argument in ["--import-memory", "--initial-memory=4718592", "-zstack-size=262144"] {
        println!("cargo::rustc-link-arg-cdylib={argument}");
    }
}
