//! What a heap tells through defmt: firmware logs each value twice, as its `defmt::Format` sends it and as its `Debug` writes it, and
//! here the stream is decoded. The two have to be the same, and the figures those of a heap on the host after the same calls.

#[path = "../../targets/defmt/src/workload.rs"]
mod workload;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use defmt_decoder::{DecodeError, Table};
use larder::{Config, Event, Heap, Stats, WrongFree, policy};

/// A value as it was logged: its name, and its text.
type Line = (String, String);

/// What the firmware sent: the values' `Format`, and their `Debug`.
static SENT: LazyLock<(Vec<Line>, Vec<Line>)> = LazyLock::new(|| {
    let lines = decode(&std::fs::read(firmware()).expect("cargo built it"), &stream());
    let of_form = |form: &str| {
        let split = |line: &String| line.split_once(form).map(|(name, text)| (name.to_owned(), text.to_owned()));
        lines.iter().filter_map(split).collect::<Vec<_>>()
    };
    (of_form(" format "), of_form(" debug "))
});

static TOLD: Mutex<Vec<Event>> = Mutex::new(Vec::new());

struct Told;

impl Config for Told {
    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        TOLD.lock().expect("no test panics here").push(event);
    });
}

/// How much longer a heap's state is here, where the program has a hook for events: a pointer with its padding.
const LONG_POINTER_BYTES: usize = size_of::<[usize; 2]>() - 8;

/// The same heap as the firmware's: with as much memory to serve.
static HEAP: Heap<{ workload::ARENA_BYTES + LONG_POINTER_BYTES }, Told, policy::Try> = Heap::new();

#[test]
fn format_says_what_debug_says() {
    let (formats, debugs) = &*SENT;
    assert!(formats.len() > 20, "{formats:#?}");
    assert_eq!(formats.len(), debugs.len());
    for (format, debug) in formats.iter().zip(debugs) {
        // `Debug` of the statistics also shows rows of classes that there are not: what comes before has to be the same.
        match format.1.split_once(", classes: ") {
            Some((before, _)) => assert!(debug.1.starts_with(before), "{format:?}\n{debug:?}"),
            None => assert_eq!(format, debug),
        }
    }
}

#[test]
fn the_figures_are_those_of_the_host() {
    let before = HEAP.stats();
    workload::run(&HEAP);
    let after = HEAP.stats();
    assert_eq!((after.refused, after.wrong_frees), (1, 3));
    for (name, stats) in [("stats before", before), ("stats after", after)].map(with_short_pointer) {
        let rows = format!("classes: {:?} }}", stats.classes());
        let debug = format!("{stats:?}");
        let (figures, _) = debug.split_once("classes: ").expect("a field of that name");
        assert_eq!(sent(name), [figures.to_owned() + &rows]);
    }
    let rows: Vec<String> = after.classes().iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(sent("row"), rows);

    let events: Vec<String> = TOLD.lock().unwrap().iter().map(|event| without_address(&format!("{event:?}"))).collect();
    let sent: Vec<String> = sent("event").iter().map(|event| without_address(event)).collect();
    assert_eq!(sent, events);
    let is_wrong_free = |event: &Event| matches!(event, Event::WrongFree(WrongFree { .. }));
    assert_eq!(TOLD.lock().unwrap().iter().filter(|event| is_wrong_free(event)).count(), 3);
}

#[test]
fn errors_are_sent_by_name() {
    assert_eq!(sent("check"), ["Ok(())"]);
    assert_eq!(sent("check error"), [r#"CheckError { what: "a page that is made up", page: 7 }"#]);
    assert_eq!(sent("claim"), ["Err(TooSmall)"]);
}

/// The statistics as a 32-bit machine counts them.
fn with_short_pointer((name, mut stats): (&str, Stats)) -> (&str, Stats) {
    stats.arena_bytes -= LONG_POINTER_BYTES;
    stats.metadata_bytes -= LONG_POINTER_BYTES;
    (name, stats)
}

/// What was sent by that name, as `Format`.
fn sent(name: &str) -> Vec<&'static str> {
    SENT.0.iter().filter(|line| line.0 == name).map(|line| line.1.as_str()).collect()
}

/// A block lies elsewhere on each machine.
fn without_address(event: &str) -> String {
    let Some((before, rest)) = event.split_once("address: ") else { return event.to_owned() };
    format!("{before}{}", rest.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

fn decode(elf: &[u8], stream: &[u8]) -> Vec<String> {
    let table = Table::parse(elf).expect("an ELF file").expect("defmt's strings are in it");
    let mut decoder = table.new_stream_decoder();
    decoder.received(stream);
    let mut lines = Vec::new();
    loop {
        match decoder.decode() {
            Ok(frame) => lines.push(frame.display_message().to_string()),
            Err(DecodeError::UnexpectedEof) => return lines,
            Err(DecodeError::Malformed) => panic!("damaged after {lines:#?}"),
        }
    }
}

fn firmware() -> PathBuf {
    PathBuf::from(xtask(&["firmware", "defmt"]).trim())
}

fn stream() -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("defmt.stream");
    xtask(&["qemu", "defmt", "--stream", file.to_str().expect("a path in UTF-8")]);
    std::fs::read(file).expect("the emulator wrote it")
}

fn xtask(arguments: &[&str]) -> String {
    let mut command = match std::env::var_os("LARDER_XTASK") {
        Some(built) => Command::new(built),
        None => {
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.arg("xtask");
            command
        }
    };
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).env("CI", "true");
    let output = command.output().expect("cargo runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cargo xtask {} failed:\n{err}{out}", arguments.join(" "));
    out.into_owned()
}
