use std::io::Write;

use larder::trace::{self, Origin, Record};

use super::*;
use crate::analysis::Analysis;
use crate::report::Report;
use crate::symbols::Symbols;

/// Takes everything down.
#[derive(Default)]
pub struct Events(pub Vec<String>);

impl Sink for Events {
    fn event(&mut self, event: &Event, _: &At) -> Result<(), String> {
        self.0.push(format!("{event:?}"));
        Ok(())
    }
}

fn read(bytes: &[u8], options: Options) -> Result<Vec<String>> {
    let mut events = Events::default();
    stream(&mut &*bytes, options, &mut events)?;
    Ok(events.0)
}

fn strict(bytes: &[u8]) -> Result<Vec<String>> {
    read(bytes, Options::default())
}

/// What an analysis says, or why there is none.
fn analysed(bytes: &[u8], options: Options) -> Result<Report> {
    let mut analysis = Analysis::new(0);
    stream(&mut &*bytes, options, &mut analysis)?;
    analysis.finish();
    Ok(Report::new("test", &analysis, &mut Symbols::default()))
}

pub fn bytes_of(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(Record::words).flat_map(|word| word.to_le_bytes()).collect()
}

pub fn alloc(address: usize, size_bytes: usize) -> Record {
    Record::new(&trace::Event::Alloc { address, size_bytes, align_bytes: 8 }, Origin::NONE)
}

pub fn generated(events: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::generate::write(&mut bytes, events, 64 * 1024).unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn offset_of(error: &anyhow::Error) -> u64 {
    error.chain().find_map(|cause| cause.downcast_ref::<Fault>()).unwrap_or_else(|| panic!("{error:#}")).offset
}

#[test]
fn lines_of_text_are_read() {
    let text = b"# a comment\na 1 24 8\n\nr 1 48\nf 1\n";
    let events = strict(text).unwrap();
    assert_eq!(
        events,
        [
            "Alloc { block: 1, size: 24, align: 8 }",
            "Realloc { old: 1, block: 1, size: 48, align: None }",
            "Free { block: 1 }"
        ]
    );
    assert_eq!(strict(&gzip(text)).unwrap(), events);
}

#[test]
fn wrong_lines_are_told_by_their_offset() {
    for (text, offset) in [
        ("a 1 24 8\na 2 x 8\n", 9),
        ("a 1 24 8\na 2 8 3\n", 9),
        ("a 1 24 8\nf 1 1\n", 9),
        ("a 1 24 8\nq 1\n", 9),
        ("a 1 24 8\nf 99999999999999999999\n", 9),
        ("a 1 24 8\nf\n", 9),
        ("#\n\u{0}\n", 2),
    ] {
        let error = strict(text.as_bytes()).unwrap_err();
        assert_eq!(offset_of(&error), offset, "{text:?}: {error:#}");
        assert!(!format!("{error:#}").contains('\n'));
    }
    assert_eq!(offset_of(&strict(b"a 1 24 8\n\xff\n").unwrap_err()), 9);
    assert_eq!(offset_of(&strict(&[b'a'; 10_000]).unwrap_err()), 0);
    // Blocks that can't be: the ledger's errors have offsets too.
    for text in ["a 1 24 8\na 1 24 8\n", "a 1 24 8\nf 2\n"] {
        assert_eq!(offset_of(&analysed(text.as_bytes(), Options::default()).unwrap_err()), 9);
    }
}

#[test]
fn committed_traces_are_read_to_their_known_peaks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/traces");
    let mut peaks = Vec::new();
    for (name, peak) in [("gateway", 57_124), ("json", 0), ("synthetic-small", 0)] {
        let analysis = crate::report::analyse(&folder.join(format!("{name}.trace")), Options::default()).unwrap();
        assert!(peak == 0 || analysis.peak_bytes == peak, "{name}: {}", analysis.peak_bytes);
        assert_eq!(analysis.allocs + analysis.frees + analysis.reallocs, analysis.ledger.events);
        peaks.push(analysis.peak_bytes);
    }
    assert!(peaks.iter().all(|&peak| peak > 0));
}

#[test]
fn records_are_read_and_stop_where_they_are_damaged() {
    let mut bytes = generated(1000);
    let events = strict(&bytes).unwrap();
    assert!(events.len() > 1000 && events[0].starts_with("Start"));
    let report = analysed(&bytes, Options::default()).unwrap();
    assert_eq!(report.trace.events, 1000);
    let whole = bytes.len();
    bytes.truncate(whole - 5);
    assert!(format!("{:#}", strict(&bytes).unwrap_err()).contains("ends in the middle of a record"));
    // In the middle of a record: the error stands at its start.
    let middle = 24 + 3 * 12 + 24 * 100;
    bytes[middle + 9] ^= 4;
    assert_eq!(offset_of(&strict(&bytes).unwrap_err()), middle as u64);
}

#[test]
fn what_is_no_trace_is_named_so() {
    for bytes in [&b""[..], b"\x7fELF", b"LTR2", b"\0\0", b"{}", "\u{e9}".as_bytes()] {
        assert_eq!(offset_of(&strict(bytes).unwrap_err()), 0);
    }
    assert!(strict(&[0x1f, 0x8b, 8, 0, 0]).is_err());
}

#[test]
fn damage_is_passed_over_as_a_gap_if_that_is_wished() {
    let resync = Options { resync: true };
    let good = bytes_of(&[alloc(64, 8), alloc(128, 8), alloc(192, 8)]);
    let whole = read(&good, resync).unwrap();
    assert_eq!(whole.len(), 3);
    for damaged in 0..12 {
        let mut bytes = good.clone();
        bytes[12 + damaged] ^= 0x10;
        let events = read(&bytes, resync).unwrap();
        assert_eq!(events, [whole[0].clone(), "Gap { events: 0 }".to_owned(), whole[2].clone()], "byte {damaged}");
    }
    // A log shares the wire.
    let mut bytes = b"booting...\n".to_vec();
    bytes.extend(&good[..12]);
    bytes.extend(b"hello \xA5 world\n");
    bytes.extend(&good[12..]);
    bytes.extend(b"bye");
    let gap = || "Gap { events: 0 }".to_owned();
    let expected = [whole[0].clone(), gap(), whole[1].clone(), whole[2].clone(), gap()];
    assert_eq!(read(&bytes, resync).unwrap(), expected);
}

#[test]
fn a_newer_version_is_refused() {
    let start = trace::Start { version: 2, ..trace::Start::new(0, 0, 0) };
    let error = strict(&bytes_of(&[Record::new(&trace::Event::Start(start), Origin::NONE)])).unwrap_err();
    assert!(format!("{error:#}").contains("version 2"));
}

#[test]
fn a_column_that_unpacks_for_ever_is_refused_in_bounded_memory() {
    // Tags that claim to be longer than the trace.
    let mut file = b"LTR1".to_vec();
    let mut packed = flate2::write::DeflateEncoder::new(&mut file, flate2::Compression::fast());
    packed.write_all(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap();
    packed.finish().unwrap();
    assert!(format!("{:#}", strict(&file).unwrap_err()).contains("longer than the trace"));
}

/// Mutated traces of each format: an answer or an error with an offset, never a panic; and a report can be made of each answer.
#[test]
fn hostile_traces_are_no_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/traces");
    let columns = std::fs::read(folder.join("synthetic-small.trace")).unwrap();
    let mut unpacked = Vec::new();
    flate2::read::DeflateDecoder::new(&columns[4..]).take(20_000).read_to_end(&mut unpacked).unwrap();
    let text =
        b"# x\na 1 24 8\na 2 100 16\nr 1 4000\nf 2\nf 1\na 3 18446744073709551615 1\na 4 18446744073709551615 1\n";
    let binary = generated(300);
    let mut random = fastrand::Rng::with_seed(11);
    let (mut answers, mut errors) = (0, 0);
    for round in 0..6000 {
        let mut bytes = match round % 3 {
            0 => binary.clone(),
            1 => text.to_vec(),
            _ => unpacked.clone(),
        };
        for _ in 0..random.usize(0..6) {
            mutate(&mut bytes, &mut random);
        }
        if round % 3 == 2 {
            let mut file = b"LTR1".to_vec();
            let mut packed = flate2::write::DeflateEncoder::new(&mut file, flate2::Compression::fast());
            packed.write_all(&bytes).unwrap();
            packed.finish().unwrap();
            bytes = file;
        }
        match analysed(&bytes, Options { resync: random.bool() }) {
            Ok(report) => {
                answers += 1;
                report.text(5);
                if round % 30 == 0 {
                    report.html().unwrap();
                }
            }
            Err(error) => {
                errors += 1;
                offset_of(&error);
            }
        }
    }
    assert!(answers > 500 && errors > 500, "{answers} answers, {errors} errors");
}

fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = random.usize(..bytes.len());
    match random.u8(..7) {
        0 => bytes[at] ^= 1 << random.u8(..8),
        1 => bytes[at] = random.u8(..),
        2 => bytes.truncate(at),
        3 => _ = bytes.remove(at),
        4 => bytes.insert(at, random.u8(..)),
        5 => {
            let part: Vec<_> = bytes[at..].iter().copied().take(random.usize(..60)).collect();
            let to = random.usize(..bytes.len());
            bytes.splice(to..to, part);
        }
        _ => {
            // A record that is right, and wild.
            let wild = |random: &mut fastrand::Rng| match random.u8(..4) {
                0 => usize::MAX,
                1 => 0,
                2 => random.usize(..),
                _ => random.usize(..1000),
            };
            let event = match random.u8(..4) {
                0 => trace::Event::Alloc { address: wild(random), size_bytes: wild(random), align_bytes: 1 << 31 },
                1 => trace::Event::Free { address: wild(random), size_bytes: wild(random), align_bytes: 1 },
                2 => trace::Event::Realloc {
                    address: wild(random),
                    size_bytes: wild(random),
                    old_address: wild(random),
                    old_bytes: wild(random),
                    align_bytes: 8,
                },
                _ => trace::Event::Start(trace::Start::new(u32::MAX, wild(random), wild(random))),
            };
            let origin = Origin { site: Some(wild(random)), tag: Some(random.u32(..)), time: Some(random.u32(..)) };
            let record = bytes_of(&[Record::new(&event, origin)]);
            let at = at / 12 * 12;
            bytes.splice(at..at, record);
        }
    }
}
