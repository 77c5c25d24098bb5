//! Perfetto's published schema reads what `larder-tools export --to perfetto` writes.
//!
//! ```sh
//! cargo test --manifest-path tools/readers/Cargo.toml
//! ```

use larder_tools::export::{self, Format};
use larder_tools::read::Options;
use larder_tools::symbols::Symbols;
use larder_tools::{generate, report};
use perfetto_protos::trace::Trace;
use perfetto_protos::track_event::track_event::Type;
use protobuf::Message;

#[test]
fn every_field_has_its_published_meaning() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    generate::write(&mut file, 5000, 16 * 1024).unwrap();
    let mut bytes = Vec::new();
    export::write(Format::Perfetto, file.path(), Options::default(), &mut Symbols::default(), &mut bytes).unwrap();
    let analysis = report::analyse(file.path(), Options::default()).unwrap();

    let trace = Trace::parse_from_bytes(&bytes).unwrap();
    assert!(trace.special_fields.unknown_fields().iter().next().is_none());
    let (mut live, mut refused, mut units) = (vec![], 0, vec![]);
    let mut bytes_track = None;
    for packet in &trace.packet {
        assert!(packet.special_fields.unknown_fields().iter().next().is_none(), "{packet:?}");
        if packet.has_track_descriptor() {
            let track = packet.track_descriptor();
            if track.name() == "live bytes" {
                bytes_track = Some(track.uuid());
            }
            units.extend(track.counter.as_ref().map(|counter| format!("{:?}", counter.unit())));
        }
        if packet.has_track_event() {
            let event = packet.track_event();
            match event.type_() {
                Type::TYPE_COUNTER if Some(event.track_uuid()) == bytes_track => {
                    live.push(event.counter_value() as u64)
                }
                Type::TYPE_COUNTER => {}
                Type::TYPE_INSTANT => refused += u64::from(event.name().starts_with("refused")),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(live.iter().max(), Some(&analysis.peak_bytes));
    assert_eq!(live.last(), Some(&analysis.live_bytes));
    assert!(refused > 0 && refused == analysis.refused);
    assert_eq!(units[..2], ["UNIT_SIZE_BYTES", "UNIT_COUNT"]);
}
