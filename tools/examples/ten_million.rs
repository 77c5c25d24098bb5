//! How long a report on ten million events takes, and how much memory: with 100,000 live blocks and 2,000 call sites.
//!
//! ```sh
//! cargo run --release -p larder-tools --example ten_million
//! ```

use std::io::Write;
use std::time::Instant;

use anyhow::Result;
use larder::trace::{Event, Origin, Record, Start};
use larder_tools::read::Options;
use larder_tools::report::{Report, analyse};
use larder_tools::symbols::Symbols;

const EVENTS: usize = 10_000_000;
const BLOCKS: usize = 100_000;
const SITES: u32 = 2_000;

fn main() -> Result<()> {
    let mut file = tempfile::NamedTempFile::new()?;
    write(&mut std::io::BufWriter::new(&mut file))?;
    let megabytes = file.as_file().metadata()?.len() as f64 / 1e6;
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let analysis = analyse(file.path(), Options::default())?;
    let report = Report::new("ten million events", &analysis, &mut Symbols::default());
    let lengths = (report.text(10).len(), serde_json::to_string(&report)?.len(), report.html()?.len());
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{} events in {megabytes:.0} MB, at most {} blocks live, {} call sites; reports of {lengths:?} bytes",
        report.trace.events,
        report.peak.blocks,
        report.holders.len()
    );
    let cpu = cpu_seconds() - cpu;
    let resident = peak_resident().unwrap_or_else(|| "unknown".to_owned());
    println!("{seconds:.1} s, of which this process ran {cpu:.1} s; {resident} resident at most");
    Ok(())
}

/// How long this process has run, where Linux says so.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // User and system time, in hundredths; the state, a letter, is not among the numbers.
    fields.get(10).zip(fields.get(11)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}

/// What Linux says of this process.
fn peak_resident() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} MB", kilobytes / 1000))
}

fn write(out: &mut impl Write) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut put = |event: &Event, site: Option<u32>, time: usize| -> Result<()> {
        let origin =
            Origin { site: site.map(|site| 0x0800_0001 + site as usize * 64), tag: None, time: Some(time as u32) };
        for word in Record::new(event, origin).words() {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(())
    };
    put(&Event::Start(Start::new(1_000_000, 0x2000_0000, BLOCKS * 128)), None, 0)?;
    let mut live: Vec<Option<usize>> = vec![None; BLOCKS];
    for time in 0..EVENTS {
        // Each place has one block at a time; at first, all of them fill up.
        let place = if time < BLOCKS { time } else { random.usize(..BLOCKS) };
        let address = 0x2000_0000 + place * 128;
        let (event, next) = match live[place] {
            Some(size_bytes) => (Event::Free { address, size_bytes, align_bytes: 8 }, None),
            None => {
                let size_bytes = random.usize(1..=128);
                (Event::Alloc { address, size_bytes, align_bytes: 8 }, Some(size_bytes))
            }
        };
        live[place] = next;
        put(&event, Some(random.u32(..SITES)), time)?;
    }
    out.flush()?;
    Ok(())
}
