//! The stack is as long as the environment says. The module's data follows it, and then what the heap has at first, up to the next border
//! of wasm's pages.

const STACK_BYTES: &str = "LARDER_STACK_BYTES";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={STACK_BYTES}");
    let stack_bytes = std::env::var(STACK_BYTES).unwrap_or("65536".to_owned());
    let stack = format!("-zstack-size={stack_bytes}");
    for argument in ["--stack-first", "--export=__heap_base", "--export=__heap_end", &stack] {
        println!("cargo::rustc-link-arg-cdylib={argument}");
    }
}
