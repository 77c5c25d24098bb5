//! pprof's format: github.com/google/pprof, `proto/profile.proto`, packed with gzip.

use std::io::Write;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use rustc_hash::FxHashMap;

use crate::analysis::Analysis;
use crate::symbols::Symbols;

#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    #[prost(int64, tag = "14")]
    pub default_sample_type: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct ValueType {
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    pub label: Vec<Label>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Label {
    #[prost(int64, tag = "1")]
    pub key: i64,
    #[prost(int64, tag = "2")]
    pub str: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Mapping {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(int64, tag = "5")]
    pub filename: i64,
    #[prost(bool, tag = "7")]
    pub has_functions: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Location {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(uint64, tag = "2")]
    pub mapping_id: u64,
    #[prost(uint64, tag = "3")]
    pub address: u64,
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Line {
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
    #[prost(int64, tag = "2")]
    pub line: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Function {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(int64, tag = "2")]
    pub name: i64,
    #[prost(int64, tag = "3")]
    pub system_name: i64,
    #[prost(int64, tag = "4")]
    pub filename: i64,
}

#[derive(Default)]
struct Builder {
    profile: Profile,
    strings: FxHashMap<String, i64>,
    functions: FxHashMap<(i64, i64), u64>,
    locations: FxHashMap<u64, u64>,
}

impl Builder {
    fn string(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.strings.get(text) {
            return index;
        }
        let index = self.profile.string_table.len() as i64;
        self.profile.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    fn function(&mut self, name: &str, file: &str) -> u64 {
        let (name, filename) = (self.string(name), self.string(file));
        let next = self.profile.function.len() as u64 + 1;
        let id = *self.functions.entry((name, filename)).or_insert(next);
        if id == next {
            self.profile.function.push(Function { id, name, system_name: name, filename });
        }
        id
    }

    /// A call site; inlined functions are lines of it, the innermost first.
    fn location(&mut self, site: u64, symbols: &mut Symbols) -> u64 {
        if let Some(&id) = self.locations.get(&site) {
            return id;
        }
        let line = if site == 0 {
            vec![Line { function_id: self.function("(no call site)", ""), line: 0 }]
        } else {
            let frames = symbols.frames(site).to_vec();
            let lines = frames.iter().map(|frame| Line {
                function_id: self.function(&frame.function, frame.file.as_deref().unwrap_or("")),
                line: i64::from(frame.line.unwrap_or(0)),
            });
            lines.collect()
        };
        let id = self.profile.location.len() as u64 + 1;
        self.profile.location.push(Location { id, mapping_id: 1, address: site, line });
        self.locations.insert(site, id);
        id
    }
}

/// The profile of an analysis.
pub fn profile(analysis: &Analysis, symbols: &mut Symbols) -> Profile {
    let mut builder = Builder::default();
    builder.string("");
    let (space, count) = (builder.string("bytes"), builder.string("count"));
    for (name, unit) in [
        ("alloc_objects", count),
        ("alloc_space", space),
        ("inuse_objects", count),
        ("inuse_space", space),
        ("peak_objects", count),
        ("peak_space", space),
    ] {
        let r#type = builder.string(name);
        builder.profile.sample_type.push(ValueType { r#type, unit });
    }
    builder.profile.default_sample_type = builder.string("peak_space");
    let filename = builder.string("firmware");
    builder.profile.mapping.push(Mapping { id: 1, filename, has_functions: true });
    let key = builder.string("tag");
    for (group, origin) in analysis.groups.iter().zip(&analysis.ledger.origins) {
        if group.allocs == 0 {
            continue;
        }
        let label = origin.tag.map(|tag| {
            let name = analysis.ledger.names.get(&tag).cloned().or_else(|| symbols.text(tag));
            let str = builder.string(&name.unwrap_or_else(|| format!("{tag:#x}")));
            Label { key, str }
        });
        let location_id = vec![builder.location(origin.site, symbols)];
        let value = [
            group.allocs,
            group.total_bytes,
            group.live_blocks,
            group.live_bytes,
            group.at_peak_blocks,
            group.at_peak_bytes,
        ];
        let value = value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)).to_vec();
        builder.profile.sample.push(Sample { location_id, value, label: label.into_iter().collect() });
    }
    builder.profile
}

pub fn write(analysis: &Analysis, symbols: &mut Symbols, out: &mut dyn Write) -> Result<()> {
    let mut packed = GzEncoder::new(out, Compression::default());
    packed.write_all(&profile(analysis, symbols).encode_to_vec()).context("the result can't be written")?;
    packed.finish().context("the result can't be written")?;
    Ok(())
}
