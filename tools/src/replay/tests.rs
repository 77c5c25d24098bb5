use super::*;

fn script_of(text: &str) -> Script {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    load(file.path(), Options::default()).unwrap()
}

#[test]
fn a_script_is_the_traces_requests() {
    let script = script_of("a 7 24 8\na 8 100 16\nr 7 48\nf 8\na 9 4 4\n");
    let op = |kind, align_log2, slot, size, new_size| Op { kind, align_log2, slot, size, new_size };
    assert_eq!(
        script.ops,
        [
            op(Kind::Alloc, 3, 0, 24, 0),
            op(Kind::Alloc, 4, 1, 100, 0),
            op(Kind::Realloc, 3, 0, 24, 48),
            op(Kind::Free, 4, 1, 100, 0),
            op(Kind::Alloc, 2, 1, 4, 0),
        ]
    );
    assert_eq!((script.slots, script.peak_bytes), (2, 148));
    let mut saved = Vec::new();
    script.save(&mut saved).unwrap();
    assert_eq!(Script::load(&mut &*saved).unwrap(), script);
}

#[test]
fn refusals_are_counted_and_their_blocks_stay_away() {
    let script = script_of("a 1 3000 8\na 2 3000 8\nr 2 100\nf 2\nf 1\na 3 3000 8\n");
    let mut room = Room::new(&script, 1 << 16).unwrap();
    assert_eq!(room.first_refusal::<Larder<larder::Defaults>>(&script.ops, 4096), Some(1));
    assert_eq!(room.refusals::<Larder<larder::Defaults>>(&script.ops, 4096), Some(1));
    assert_eq!(room.refusals::<Larder<larder::Defaults>>(&script.ops, 8192), Some(0));
    assert_eq!(room.refusals::<Larder<larder::Defaults>>(&script.ops, 64), None);
}

#[test]
fn the_search_finds_the_border_and_the_islands() {
    for border in [1000, 1008, 4000, 9984] {
        assert_eq!(
            engine::search(1000, 1 << 20, |bytes| bytes >= border),
            Some((border.next_multiple_of(16), border.next_multiple_of(16)))
        );
    }
    let (smallest, steady) =
        engine::search(6000, 1 << 20, |bytes| bytes >= 7008 || (6500..6800).contains(&bytes)).unwrap();
    assert_eq!((smallest, steady), (6512, 7008));
    assert_eq!(engine::search(1000, 5000, |_| false), None);
}

/// Every allocator serves a committed trace somewhere between its peak and twice that.
#[test]
fn every_allocator_serves() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/traces/gateway.trace");
    let script = load(&path, Options::default()).unwrap();
    assert_eq!(script.peak_bytes, 57_124);
    let outcomes = run(&script, Some(1 << 20)).unwrap();
    assert_eq!(outcomes.len(), entries().len());
    for outcome in &outcomes {
        let times = outcome.of_peak.unwrap();
        assert!((1.0..2.0).contains(&times), "{outcome:?}");
        assert_eq!(outcome.refused, Some(0));
    }
    assert!(text("gateway", &script, None, &outcomes).lines().count() > outcomes.len());
}
