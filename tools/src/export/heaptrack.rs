//! heaptrack's text format, version 2, as `heaptrack_interpret` writes it: every number is hexadecimal, every index counts from 1.
//!
//! ```text
//! v VERSION FORMAT | X command | s string | i ip module [function file line]… | t ip parent | a size trace | + a | - a | c milliseconds
//! ```

use std::io::{self, Write};

use anyhow::{Context, Result};
use rustc_hash::FxHashMap;

use crate::ledger::{Change, Ledger, Live};
use crate::read::{At, Event, Format, Sink};
use crate::symbols::Symbols;

pub struct Writer<'a> {
    out: &'a mut dyn Write,
    symbols: &'a mut Symbols,
    ledger: Ledger,
    strings: FxHashMap<String, usize>,
    /// The trace of each group, 0: none yet.
    traces: Vec<usize>,
    trace_count: usize,
    infos: FxHashMap<(u64, usize), usize>,
    ticks_per_second: u64,
    milliseconds: u64,
    failed: Option<io::Error>,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut dyn Write, symbols: &'a mut Symbols) -> Self {
        Self {
            out,
            symbols,
            ledger: Ledger::new(Format::Binary),
            strings: FxHashMap::default(),
            traces: Vec::new(),
            trace_count: 0,
            infos: FxHashMap::default(),
            ticks_per_second: 0,
            milliseconds: 0,
            failed: None,
        }
    }

    pub fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), |error| Err(error).context("the result can't be written"))
    }

    fn line(&mut self, line: std::fmt::Arguments) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_fmt(line).and_then(|()| self.out.write_all(b"\n"))
        {
            self.failed = Some(error);
        }
    }

    fn string(&mut self, text: &str) -> usize {
        if let Some(&index) = self.strings.get(text) {
            return index;
        }
        let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.line(format_args!("s {shown}"));
        let index = self.strings.len() + 1;
        self.strings.insert(text.to_owned(), index);
        index
    }

    /// The trace of a group: its call site, and its tag as the caller.
    fn trace(&mut self, group: u32) -> usize {
        let group = group as usize;
        if self.traces.len() <= group {
            self.traces.resize(group + 1, 0);
        }
        if self.traces[group] == 0 {
            let origin = self.ledger.origins[group];
            let mut parent = 0;
            if let Some(tag) = origin.tag {
                let name = self.ledger.names.get(&tag).cloned().or_else(|| self.symbols.text(tag));
                let name = self.string(&format!("[{}]", name.unwrap_or_else(|| format!("tag {tag:#x}"))));
                let module = self.string("tags");
                parent = self.frame(u64::from(tag) | 1 << 63, module, &format!(" {name:x} 0 0"), 0);
            }
            let frames = if origin.site == 0 { Vec::new() } else { self.symbols.frames(origin.site).to_vec() };
            let mut inlined = String::new();
            for frame in &frames {
                let function = self.string(&frame.function);
                let file = frame.file.as_deref().map_or(0, |file| self.string(file));
                inlined += &format!(" {function:x} {file:x} {:x}", frame.line.unwrap_or(0));
            }
            if frames.is_empty() {
                inlined = format!(" {:x} 0 0", self.string("(no call site)"));
            }
            let module = self.string("firmware");
            self.traces[group] = self.frame(origin.site.max(1), module, &inlined, parent);
        }
        self.traces[group]
    }

    /// An instruction pointer with its functions, and a trace that ends there. Each has its own, so both have one number.
    fn frame(&mut self, ip: u64, module: usize, functions: &str, parent: usize) -> usize {
        self.line(format_args!("i {ip:x} {module:x}{functions}"));
        self.trace_count += 1;
        let index = self.trace_count;
        self.line(format_args!("t {index:x} {parent:x}"));
        index
    }

    fn count(&mut self, sign: char, live: &Live) {
        let trace = self.trace(live.group);
        let known = self.infos.len() + 1;
        let info = *self.infos.entry((live.size, trace)).or_insert(known);
        if info == known {
            self.line(format_args!("a {:x} {trace:x}", live.size));
        }
        // An index into this list, which counts from 0.
        self.line(format_args!("{sign} {:x}", info - 1));
    }
}

impl Sink for Writer<'_> {
    fn begin(&mut self, format: Format) {
        self.ledger = Ledger::new(format);
        self.line(format_args!("v 10100 2"));
        self.line(format_args!("X larder trace"));
        self.line(format_args!("I 1000 1"));
    }

    fn event(&mut self, event: &Event, at: &At) -> Result<(), String> {
        if let Event::Start(start) = event {
            self.ticks_per_second = u64::from(start.ticks_per_second);
        }
        let Change { gone, come } = self.ledger.apply(event, at)?;
        // Without a clock, an event takes a millisecond.
        let now = match (at.time, self.ticks_per_second) {
            (Some(ticks), rate @ 1..) => (u128::from(ticks) * 1000 / u128::from(rate)) as u64,
            (Some(ticks), 0) => ticks,
            (None, _) => self.ledger.events,
        };
        if now > self.milliseconds {
            self.milliseconds = now;
            self.line(format_args!("c {now:x}"));
        }
        if let Some((_, live)) = gone {
            self.count('-', &live);
        }
        if let Some((_, live)) = come {
            self.count('+', &live);
        }
        Ok(())
    }
}
