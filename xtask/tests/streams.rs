//! The command as others start it: where its output goes, and which programs it finds.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn xtask(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(words).stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with programs that do what their scripts say.
fn programs(name: &str, scripts: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (program, script) in scripts {
        let path = folder.join(program);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn a_full_disk_is_one_line_and_status_1() {
    let full = File::create("/dev/full").unwrap();
    let output = xtask(&["--help"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = said(&output);
    assert!(line.starts_with("error: the result can't be written to standard output: "), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn a_reader_that_has_gone_is_not_worth_a_word() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = xtask(&["--help"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
}

#[test]
fn nobody_has_to_read_errors() {
    let output = xtask(&["nonsense"]).stderr(File::create("/dev/full").unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_apt_get_that_brings_nothing_is_told_from_one_that_does() {
    let folder = programs("apt_get_in_vain", &[("apt-get", "exit 0"), ("id", "echo 0")]);
    let output = xtask(&["qemu", "suite"]).env("PATH", folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let last = said(&output).lines().last().unwrap_or_default().to_owned();
    let words =
        "error: qemu-system-arm is missing: install it (Debian's package is qemu-system-arm); apt-get did not bring it";
    assert_eq!(last, words);
}
