use super::*;
extern crate std;
use std::vec;
use std::vec::Vec;

fn bytes_of(record: &Record) -> Vec<u8> {
    record.words().iter().flat_map(|word| word.to_le_bytes()).collect()
}

const LARGE: usize = if usize::BITS == 64 { 0x7fff_1234_5678_9ab0_u64 as usize } else { 0xffff_fff0 };

fn events() -> Vec<Event> {
    let mut events = vec![Event::Gap { events: 7 }, Event::WrongFree { address: 0x2000_0001, reason: 3 }];
    for base in [0x2000_0000, LARGE] {
        events.extend([
            Event::Start(Start::new(1_000_000, base, 65_536)),
            Event::Alloc { address: base, size_bytes: 24, align_bytes: 8 },
            Event::Free { address: base, size_bytes: 100_000, align_bytes: 65_536 },
            Event::Realloc { address: base, size_bytes: 48, old_address: 16, old_bytes: 24, align_bytes: 1 },
            Event::Refused { size_bytes: LARGE, align_bytes: 4, old_address: 0 },
            Event::WrongFree { address: base, reason: 31 },
        ]);
    }
    events
}

fn origins() -> Vec<Origin> {
    let mut origins = vec![];
    for bits in 0..8 {
        origins.push(Origin {
            site: (bits & 1 != 0).then_some(0x0800_1235),
            tag: (bits & 2 != 0).then_some(9),
            time: (bits & 4 != 0).then_some(u32::MAX),
        });
    }
    origins.push(Origin { site: Some(LARGE), ..Origin::NONE });
    origins
}

#[test]
fn every_event_comes_back_as_it_was() {
    for event in events() {
        for origin in origins() {
            let bytes = bytes_of(&Record::new(&event, origin));
            assert!(bytes.len() <= RECORD_BYTES_MAX);
            let decoded = Decoded { event: Some(event), name: None, origin };
            assert_eq!(decode(&bytes), Ok((decoded, bytes.len())));
        }
    }
}

#[test]
fn names_come_back_and_are_cut_at_a_character() {
    for (name, read) in [
        ("", ""),
        ("net", "net"),
        ("four", "four"),
        ("äöüäöüäöüäöüä", "äöüäöüäöüäöü"),
        ("xäöüäöüäöüäöü", "xäöüäöüäöüäö"),
    ] {
        let bytes = bytes_of(&Record::name(5, name));
        let (decoded, len) = decode(&bytes).unwrap();
        assert_eq!((decoded.name, decoded.event, len), (Some((5, read)), None, bytes.len()));
    }
}

/// What the table in the documents says.
#[test]
fn records_are_as_short_as_promised() {
    let bytes = |event, origin| bytes_of(&Record::new(&event, origin)).len();
    let alloc = Event::Alloc { address: 0x2000_0000, size_bytes: 24, align_bytes: 8 };
    let all = Origin { site: Some(4), tag: Some(1), time: Some(1) };
    assert_eq!(bytes(alloc, Origin::NONE), 12);
    assert_eq!(bytes(alloc, Origin { site: Some(4), ..Origin::NONE }), 16);
    assert_eq!(bytes(alloc, all), 24);
    let realloc = Event::Realloc { address: 8, size_bytes: 8, old_address: 16, old_bytes: 4, align_bytes: 4 };
    assert_eq!(bytes(realloc, all), 32);
}

#[test]
fn a_single_wrong_bit_always_shows() {
    for event in events() {
        let bytes = bytes_of(&Record::new(&event, Origin { time: Some(5), ..Origin::NONE }));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&wrong).is_err(), "bit {bit} of {event:?}");
        }
    }
}

#[test]
fn every_prefix_is_truncated() {
    for event in events() {
        let bytes = bytes_of(&Record::new(&event, Origin::NONE));
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), Err(DecodeError::Truncated), "{len} of {event:?}");
        }
    }
}

#[test]
fn random_bytes_are_no_panic() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..200_000 {
        let mut bytes = [0u8; 64];
        bytes.iter_mut().for_each(|byte| *byte = random.u8(..));
        bytes[0] = 0xA5;
        let _ = decode(&bytes[..random.usize(..=64)]);
    }
}

#[test]
fn records_of_later_kinds_are_passed_over() {
    // Kind 8 with no words, whose check is found by trying.
    let known = (0..128u32).filter_map(|check| {
        let header = 0xA5 | 8 << 8 | check << 25;
        decode(&header.to_le_bytes()).ok().map(|(decoded, len)| (decoded.event, decoded.name.is_some(), len))
    });
    assert_eq!(known.collect::<Vec<_>>(), [(None, false, 4)]);
}

fn alloc(number: usize) -> Event {
    Event::Alloc { address: number * 8, size_bytes: number, align_bytes: 8 }
}

fn read_all(bytes: &[u8]) -> Vec<Event> {
    let (mut events, mut at) = (vec![], 0);
    while at < bytes.len() {
        let (decoded, len) = decode(&bytes[at..]).unwrap();
        events.extend(decoded.event);
        at += len;
    }
    events
}

#[test]
fn a_full_queue_loses_events_and_says_where() {
    let trace = Trace::<32>::new();
    let mut out = [0; 256];
    for round in 0..100 {
        let accepted = (0..20).filter(|&number| trace.record(&alloc(number), Origin::NONE)).count();
        assert_eq!(accepted, 10, "of 32 words, each record takes 3");
        assert_eq!(trace.lost(), 10);
        // Five words are room for this record, but not for the gap before it.
        let mut few = [0; 12];
        assert_eq!(trace.read(&mut few), 12);
        let long = Event::Realloc { address: 8, size_bytes: 8, old_address: 8, old_bytes: 4, align_bytes: 4 };
        assert!(!trace.record(&long, Origin::NONE));
        assert_eq!(trace.read(&mut few), 12);
        assert!(trace.record(&alloc(100), Origin::NONE));
        let len = trace.read(&mut out);
        let mut expected: Vec<_> = (2..10).map(alloc).collect();
        expected.extend([Event::Gap { events: 11 }, alloc(100)]);
        assert_eq!(read_all(&out[..len]), expected, "round {round}");
        assert_eq!(trace.lost(), 0);
    }
}

#[test]
fn what_is_lost_last_is_told_too() {
    let trace = Trace::<32>::new();
    (0..12).for_each(|number| _ = trace.record(&alloc(number), Origin::NONE));
    let mut out = [0; 256];
    let len = trace.read(&mut out);
    assert_eq!(read_all(&out[..len]).last(), Some(&Event::Gap { events: 2 }));
    assert_eq!(trace.read(&mut out), 0);
}

/// Four threads write, one reads: each event arrives once and whole, or is counted; each thread's are in order.
#[test]
fn threads_lose_nothing_untold() {
    static TRACE: Trace<128> = Trace::new();
    const EACH: usize = if cfg!(miri) { 100 } else { 5_000 };
    let (mut seen, mut lost) = ([0usize; 4], 0u64);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                scope.spawn(move || {
                    for number in 1..=EACH {
                        let tag = Some(thread);
                        TRACE.record(&alloc(number), Origin { tag, ..Origin::NONE });
                        if number % 8 == 0 {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let (mut last, mut out) = ([0; 4], [0; 512]);
        loop {
            let done = writers.iter().all(|writer| writer.is_finished());
            let len = TRACE.read(&mut out);
            let mut at = 0;
            while at < len {
                let (decoded, bytes) = decode(&out[at..len]).unwrap();
                at += bytes;
                match decoded.event {
                    Some(Event::Alloc { address, size_bytes, .. }) => {
                        let thread = decoded.origin.tag.unwrap() as usize;
                        assert_eq!(address, size_bytes * 8);
                        assert!(size_bytes > last[thread]);
                        last[thread] = size_bytes;
                        seen[thread] += 1;
                    }
                    Some(Event::Gap { events }) => lost += u64::from(events),
                    other => panic!("{other:?}"),
                }
            }
            if done && len == 0 {
                break;
            }
        }
    });
    assert_eq!(seen.iter().sum::<usize>() as u64 + lost, 4 * EACH as u64);
    assert!(seen.iter().all(|&seen| seen > 0));
}
