//! Perfetto's format: counters of live bytes and blocks, in all and by call site, and an instant for each failure.
//! Fields as in `protos/perfetto/trace` of github.com/google/perfetto.

use std::io::{self, Write};

use anyhow::{Context, Result};
use prost::Message;

use crate::ledger::{Change, Ledger, Live, Origin};
use crate::read::{At, Event, Format, Sink};
use crate::symbols::Symbols;

#[derive(Clone, PartialEq, Message)]
pub struct Trace {
    #[prost(message, repeated, tag = "1")]
    pub packet: Vec<Packet>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Packet {
    #[prost(uint64, optional, tag = "8")]
    pub timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "10")]
    pub trusted_packet_sequence_id: Option<u32>,
    #[prost(message, optional, tag = "11")]
    pub track_event: Option<TrackEvent>,
    #[prost(message, optional, tag = "60")]
    pub track_descriptor: Option<TrackDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackEvent {
    #[prost(int32, optional, tag = "9")]
    pub r#type: Option<i32>,
    #[prost(uint64, optional, tag = "11")]
    pub track_uuid: Option<u64>,
    #[prost(string, optional, tag = "23")]
    pub name: Option<String>,
    #[prost(int64, optional, tag = "30")]
    pub counter_value: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackDescriptor {
    #[prost(uint64, optional, tag = "1")]
    pub uuid: Option<u64>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(uint64, optional, tag = "5")]
    pub parent_uuid: Option<u64>,
    #[prost(message, optional, tag = "8")]
    pub counter: Option<CounterDescriptor>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct CounterDescriptor {
    #[prost(int32, optional, tag = "3")]
    pub unit: Option<i32>,
}

pub const INSTANT: i32 = 3;
pub const COUNTER: i32 = 4;
const UNIT_COUNT: i32 = 2;
const UNIT_BYTES: i32 = 3;

pub const HEAP: u64 = 1;
pub const BYTES: u64 = 2;
pub const BLOCKS: u64 = 3;
/// The tracks of groups follow.
const GROUPS: u64 = 16;
/// Call sites that get a track of their own.
const TRACKS_MAX: usize = 256;

pub struct Writer<'a> {
    out: &'a mut dyn Write,
    symbols: &'a mut Symbols,
    ledger: Ledger,
    ticks_per_second: u64,
    now: u64,
    bytes: u64,
    blocks: u64,
    /// Live bytes of each group.
    groups: Vec<Option<u64>>,
    tracks: usize,
    failed: Option<io::Error>,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut dyn Write, symbols: &'a mut Symbols) -> Self {
        Self {
            out,
            symbols,
            ledger: Ledger::new(Format::Binary),
            ticks_per_second: 0,
            now: 0,
            bytes: 0,
            blocks: 0,
            groups: Vec::new(),
            tracks: 0,
            failed: None,
        }
    }

    pub fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), |error| Err(error).context("the result can't be written"))
    }

    fn packet(&mut self, packet: Packet) {
        // A trace is its packets, one behind the other.
        let trace = Trace { packet: vec![packet] };
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(&trace.encode_to_vec())
        {
            self.failed = Some(error);
        }
    }

    fn track(&mut self, uuid: u64, name: String, unit: Option<i32>) {
        let counter = unit.map(|unit| CounterDescriptor { unit: Some(unit) });
        let parent_uuid = (uuid != HEAP).then_some(HEAP);
        let track_descriptor = Some(TrackDescriptor { uuid: Some(uuid), name: Some(name), parent_uuid, counter });
        self.packet(Packet { trusted_packet_sequence_id: Some(1), track_descriptor, ..Packet::default() });
    }

    fn tell(&mut self, track_event: TrackEvent) {
        self.packet(Packet {
            timestamp: Some(self.now),
            trusted_packet_sequence_id: Some(1),
            track_event: Some(track_event),
            ..Packet::default()
        });
    }

    fn counter(&mut self, uuid: u64, value: u64) {
        let counter_value = Some(i64::try_from(value).unwrap_or(i64::MAX));
        self.tell(TrackEvent { r#type: Some(COUNTER), track_uuid: Some(uuid), counter_value, name: None });
    }

    fn change(&mut self, live: &Live, comes: bool) {
        let moved = |bytes: u64| if comes { bytes.saturating_add(live.size) } else { bytes.saturating_sub(live.size) };
        self.bytes = moved(self.bytes);
        self.blocks = if comes { self.blocks + 1 } else { self.blocks.saturating_sub(1) };
        let group = live.group as usize;
        if self.groups.len() <= group {
            self.groups.resize(group + 1, None);
        }
        let uuid = GROUPS + group as u64;
        if self.groups[group].is_none() && self.tracks < TRACKS_MAX && self.ledger.origins[group] != NOWHERE {
            self.tracks += 1;
            self.groups[group] = Some(0);
            let name = self.name(self.ledger.origins[group]);
            self.track(uuid, name, Some(UNIT_BYTES));
        }
        if let Some(bytes) = self.groups[group] {
            self.groups[group] = Some(moved(bytes));
            self.counter(uuid, moved(bytes));
        }
    }

    fn name(&mut self, origin: Origin) -> String {
        let mut name = if origin.site == 0 { String::new() } else { self.symbols.frame(origin.site).place() };
        if let Some(tag) = origin.tag {
            let text = self.ledger.names.get(&tag).cloned().or_else(|| self.symbols.text(tag));
            name += &format!(" [{}]", text.unwrap_or_else(|| format!("tag {tag:#x}")));
        }
        name
    }
}

const NOWHERE: Origin = Origin { site: 0, tag: None };

impl Sink for Writer<'_> {
    fn begin(&mut self, format: Format) {
        self.ledger = Ledger::new(format);
        self.track(HEAP, "heap".to_owned(), None);
        self.track(BYTES, "live bytes".to_owned(), Some(UNIT_BYTES));
        self.track(BLOCKS, "live blocks".to_owned(), Some(UNIT_COUNT));
    }

    fn event(&mut self, event: &Event, at: &At) -> Result<(), String> {
        if let Event::Start(start) = event {
            self.ticks_per_second = u64::from(start.ticks_per_second);
        }
        let Change { gone, come } = self.ledger.apply(event, at)?;
        // In nanoseconds. Without a clock, an event takes a microsecond.
        let now = match (at.time, self.ticks_per_second) {
            (Some(ticks), rate @ 1..) => (u128::from(ticks) * 1_000_000_000 / u128::from(rate)) as u64,
            (Some(ticks), 0) => ticks.saturating_mul(1000),
            (None, _) => self.ledger.events.saturating_mul(1000),
        };
        self.now = self.now.max(now);
        let instant = match *event {
            Event::Refused { size, .. } => Some(format!("refused: {size} bytes")),
            Event::WrongFree { address, .. } => Some(format!("wrong free: {address:#x}")),
            Event::Gap { events } => Some(format!("gap: {events} events are missing")),
            _ => None,
        };
        if let Some(name) = instant {
            self.tell(TrackEvent {
                r#type: Some(INSTANT),
                track_uuid: Some(HEAP),
                name: Some(name),
                counter_value: None,
            });
        }
        for (changed, comes) in [(gone, false), (come, true)] {
            if let Some((_, live)) = changed {
                self.change(&live, comes);
            }
        }
        if gone.is_some() || come.is_some() {
            self.counter(BYTES, self.bytes);
            self.counter(BLOCKS, self.blocks);
        }
        Ok(())
    }
}
