use std::io::Read;
use std::process::{Command, Stdio};

use prost::Message;

use super::*;
use crate::analysis::Analysis;

fn exported(format: Format) -> (tempfile::NamedTempFile, Analysis) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trace.path(), crate::read::tests::generated(5000)).unwrap();
    let mut out = tempfile::NamedTempFile::new().unwrap();
    write(format, trace.path(), Options::default(), &mut Symbols::default(), &mut out).unwrap();
    let mut analysis = crate::report::analyse(trace.path(), Options::default()).unwrap();
    analysis.finish();
    (out, analysis)
}

/// What a program prints; `None` if it is not there.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{program}: {text}");
    Some(text)
}

/// Debian's heaptrack counts what we count.
#[test]
fn heaptrack_reads_its_format() {
    let (file, analysis) = exported(Format::Heaptrack);
    let path = file.path().to_str().unwrap();
    let Some(text) = run("heaptrack_print", &["-s", "1", "-f", path]) else {
        eprintln!("skipped: there is no heaptrack_print (Debian's package is heaptrack)");
        return;
    };
    let number = |before: &str| {
        let at = text.find(before).unwrap_or_else(|| panic!("no {before}: {text}")) + before.len();
        text[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap()
    };
    assert_eq!(number("calls to allocation functions: "), analysis.allocs);
    // It prints sizes in thousands of bytes.
    let kilobytes = |bytes: u64| format!("{:.2}K", bytes as f64 / 1000.0);
    assert!(text.contains(&format!("peak heap memory consumption: {}", kilobytes(analysis.peak_bytes))), "{text}");
    assert!(text.contains(&format!("total memory leaked: {}", kilobytes(analysis.live_bytes))), "{text}");
    assert!(text.contains("[net]") && text.contains("0x8002a03"), "{text}");
}

/// Go's pprof sees the same bytes at the peak.
#[test]
fn pprof_reads_its_format() {
    let (file, analysis) = exported(Format::Pprof);
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&*std::fs::read(file.path()).unwrap()).read_to_end(&mut bytes).unwrap();
    let profile = pprof::Profile::decode(&*bytes).unwrap();
    let peak: i64 = profile.sample.iter().map(|sample| sample.value[5]).sum();
    assert_eq!(peak as u64, analysis.peak_bytes);
    assert!(profile.sample.iter().all(|sample| sample.value.len() == profile.sample_type.len()));
    let path = file.path().to_str().unwrap();
    let Some(text) = run("go", &["tool", "pprof", "-top", "-unit=B", path]) else {
        eprintln!("skipped: there is no go");
        return;
    };
    assert!(
        text.contains("Type: peak_space") && text.contains(&format!("of {}B total", analysis.peak_bytes)),
        "{text}"
    );
    assert!(text.contains("0x8002a03"), "{text}");
}

#[test]
fn perfetto_has_a_counter_of_live_bytes() {
    let (file, analysis) = exported(Format::Perfetto);
    let trace = perfetto::Trace::decode(&*std::fs::read(file.path()).unwrap()).unwrap();
    let mut values = trace.packet.iter().filter_map(|packet| {
        let event = packet.track_event.as_ref()?;
        (event.track_uuid == Some(perfetto::BYTES)).then_some(event.counter_value?)
    });
    assert_eq!(values.clone().max(), Some(analysis.peak_bytes as i64));
    assert_eq!(values.next_back(), Some(analysis.live_bytes as i64));
    assert!(trace.packet.iter().filter_map(|packet| packet.timestamp).is_sorted());
    let names: Vec<_> = trace.packet.iter().filter_map(|packet| packet.track_descriptor.clone()?.name).collect();
    assert_eq!(names[..3], ["heap", "live bytes", "live blocks"]);
    assert!(names.iter().any(|name| name.ends_with("[net]")), "{names:?}");
}
