//! Generates the sensor log that the demo parses.

mod sensor_log;

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out_dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out_dir = Path::new(&out_dir);
    let log = sensor_log::generate(0x1A4D_E400, 100 * 1024);
    fs::write(out_dir.join("sensor_log.jsonl"), &log.text)?;
    fs::write(out_dir.join("sensor_log_truth.rs"), log.truth())?;
    println!("cargo::rerun-if-changed=build");
    Ok(())
}
