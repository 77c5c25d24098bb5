//! From a program to a report: the library's example leaks, and the report says where.

use std::path::Path;
use std::process::Command;

#[test]
fn the_report_of_the_traced_example_names_the_leak() {
    let trace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("example.larder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut example = Command::new(cargo);
    example.args(["run", "--quiet", "--package", "larder", "--example", "trace", "--"]).arg(&trace);
    let said = example.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let mut report = Command::new(env!("CARGO_BIN_EXE_larder-tools"));
    let said = report.arg("report").arg(&trace).output().expect("the tool runs");
    let text = String::from_utf8(said.stdout).expect("text");
    assert!(said.status.success(), "{text}");
    assert!(text.contains("end    290 bytes in 10 blocks"), "{text}");
    let leaks = text.split("Live at the end").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("that table");
    assert!(leaks.contains("[parse]") && !leaks.contains("[send]"), "{leaks}");
}
