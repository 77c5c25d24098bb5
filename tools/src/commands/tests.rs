use std::path::Path;

use clap::CommandFactory;

use super::*;
use crate::documents;

#[test]
fn the_arguments_are_consistent() {
    Command::command().debug_assert();
}

fn run(line: &str, folder: &Path) -> Result<String> {
    documents::run(line, folder)
}

#[test]
fn commands_fail_in_one_line_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken"), b"\xA5\0\0\0\0\0\0").unwrap();
    for line in [
        "report broken",
        "report missing",
        "report broken --html out.html",
        "export broken --to heaptrack --out out",
        "export broken --to perfetto --out out",
        "export broken --to pprof --out out",
        "diff broken broken",
        "replay broken",
        "record --out out --from broken",
        "record --out out",
        "report broken --elf broken",
    ] {
        let error = run(line, folder.path()).unwrap_err();
        assert!(!format!("{error:#}").contains('\n'), "{line}: {error:#}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// The outputs in the document are those of the commands above them.
#[test]
fn the_document_shows_what_the_commands_print() {
    let path = documents::path();
    let text = std::fs::read_to_string(&path).unwrap();
    let made = documents::make(&text, false).unwrap();
    assert!(text == made, "docs/tools.md is not up to date: cargo run --release -p larder-tools --example documents");
}
