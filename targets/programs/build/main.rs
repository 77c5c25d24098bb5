//! Generates the sensor log that the demo parses.

mod sensor_log;

use std::path::Path;
use std::{env, fs, io};

use sensor_log::Extent;

const USUAL: Extent = Extent { length_bytes: 100 * 1024, sites: 5, kinds: 5, lines_kept: 128 };
/// For a board with an arena of 8 KiB.
const SMALL: Extent = Extent { length_bytes: 2 * 1024, sites: 2, kinds: 2, lines_kept: 2 };

fn main() -> io::Result<()> {
    let out_dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out_dir = Path::new(&out_dir);
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let extent = if target.starts_with("thumbv6m") { SMALL } else { USUAL };
    let log = sensor_log::generate(0x1A4D_E400, &extent);
    fs::write(out_dir.join("sensor_log.jsonl"), &log.text)?;
    fs::write(out_dir.join("sensor_log_truth.rs"), log.truth())?;
    fs::write(out_dir.join("lines_kept.rs"), extent.lines_kept.to_string())?;
    println!("cargo::rerun-if-changed=build");
    Ok(())
}
