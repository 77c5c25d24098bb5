//! The module's own memory is as long as the environment says. Its limit is the host's.

const INITIAL_BYTES: &str = "LARDER_INITIAL_BYTES";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={INITIAL_BYTES}");
    let initial_bytes = std::env::var(INITIAL_BYTES).unwrap_or("1048576".to_owned());
    let initial = format!("--initial-memory={initial_bytes}");
    for argument in ["--import-memory", "-zstack-size=65536", &initial] {
        println!("cargo::rustc-link-arg-cdylib={argument}");
    }
}
