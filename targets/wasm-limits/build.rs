//! The module's own memory is as long as the environment says. Its limit is the host's. With atomics, it is shared.

const INITIAL_BYTES: &str = "LARDER_INITIAL_BYTES";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={INITIAL_BYTES}");
    let initial_bytes = std::env::var(INITIAL_BYTES).unwrap_or("1048576".to_owned());
    let initial = format!("--initial-memory={initial_bytes}");
    let mut arguments = vec!["--import-memory", "-zstack-size=65536", &initial];
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if features.split(',').any(|feature| feature == "atomics") {
        arguments.extend(["--shared-memory", "--max-memory=4294967296"]);
    }
    for argument in arguments {
        println!("cargo::rustc-link-arg-cdylib={argument}");
    }
}
