//! What must not compile does not, and says why.
//!
//! Each file in `compile_fail/` is a program; its first line holds the words that the compiler must say.
//! The compiler's own words around them change from version to version, so only ours are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that compiles: without it, all others could fail for a reason of their own.
const FINE: &str = "static HEAP: larder::Heap<1024> = larder::Heap::new();\n\nfn main() {}\n";

struct Case {
    name: String,
    path: PathBuf,
    words: String,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let words = text.lines().next().and_then(|line| line.strip_prefix("//~ ")).expect("the words come first");
            Case { name: path.file_stem().unwrap().to_str().unwrap().into(), words: words.into(), path }
        })
        .collect()
}

/// A package with a program for each case, outside of the workspace.
fn write_package(folder: &Path, cases: &[Case]) {
    let library = env!("CARGO_MANIFEST_DIR");
    let mut manifest = format!(
        "[package]\nname = \"cases\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautobins = false\n\n[workspace]\n\n\
         [dependencies]\nlarder = {{ path = {library:?}, default-features = false }}\n"
    );
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("fine.rs"), FINE).unwrap();
    let fine = folder.join("fine.rs");
    let programs = cases.iter().map(|case| (case.name.as_str(), &case.path)).chain([("fine", &fine)]);
    for (name, path) in programs {
        manifest += &format!("\n[[bin]]\nname = {name:?}\npath = {path:?}\n");
    }
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that the library itself is built with: no need to ask a registry.
    let lock = Path::new(library).join("Cargo.lock");
    if lock.exists() {
        std::fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    }
}

/// What the compiler says about a program.
fn compile(folder: &Path, name: &str) -> (bool, String) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--offline", "--bin", name]).current_dir(folder);
    cargo.env("CARGO_TARGET_DIR", folder.join("target")).env_remove("RUSTFLAGS");
    let output = cargo.output().expect("cargo runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn wrong_configurations_do_not_compile_and_say_why() {
    let cases = cases();
    assert!(cases.len() >= 19, "only {} cases were found", cases.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    write_package(&folder, &cases);
    let (compiled, said) = compile(&folder, "fine");
    assert!(compiled, "a right configuration does not compile:\n{said}");
    for Case { name, words, .. } in &cases {
        let (compiled, said) = compile(&folder, name);
        assert!(!compiled, "{name} compiles");
        assert!(said.contains(&format!("larder: {words}")), "{name} fails without saying {words:?}:\n{said}");
    }
}
