//! One line of JSON a workload, written to the host at once when the workload is done.

use crate::record::{OPERATIONS, Record};
use core::fmt::{self, Write};
use cortex_m_semihosting::hio::{self, HostStream};

const LINE_BYTES: usize = 4096;

/// Collects a line, so that semihosting is entered once for it.
pub struct Line {
    bytes: [u8; LINE_BYTES],
    used: usize,
}

impl Line {
    pub fn new() -> Self {
        Self { bytes: [0; LINE_BYTES], used: 0 }
    }

    pub fn send(mut self) {
        self.bytes[self.used] = b'\n';
        let line = &self.bytes[..=self.used];
        host().write_all(line).expect("the host takes output");
    }
}

fn host() -> HostStream {
    hio::hstdout().expect("the host has an output")
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        // The last byte is the newline's.
        self.bytes[..LINE_BYTES - 1].get_mut(self.used..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

/// What was measured of one workload, and whatever else it found out.
pub fn workload(name: &str, group: &str, record: &Record, extra: &[(&str, u64)]) {
    let mut line = Line::new();
    write_workload(&mut line, name, group, record, extra).expect("the line is long enough");
    line.send();
}

fn write_workload(out: &mut Line, name: &str, group: &str, record: &Record, extra: &[(&str, u64)]) -> fmt::Result {
    write!(out, "{{\"workload\":\"{name}\",\"group\":\"{group}\",\"operations\":{{")?;
    let mut separator = "";
    for (operation, title) in OPERATIONS {
        let calls = record.calls(operation);
        if calls.served + calls.refused == 0 {
            continue;
        }
        let least = if calls.served == 0 { 0 } else { calls.least };
        write!(out, "{separator}\"{title}\":{{\"served\":{},\"sum\":{},\"least\":{least}", calls.served, calls.sum)?;
        let (half, most) = (record.percentile(operation, 50), record.percentile(operation, 99));
        write!(out, ",\"p50\":{half},\"p99\":{most},\"most\":{}", calls.most)?;
        write!(out, ",\"refused\":{},\"refused_sum\":{}", calls.refused, calls.refused_sum)?;
        write!(out, ",\"refused_most\":{}", calls.refused_most)?;
        write!(out, ",\"longest_raw\":{}", calls.longest_raw)?;
        write!(out, ",\"longest_raw_bytes\":{}", calls.longest_raw_bytes)?;
        write!(out, ",\"masked\":{},\"masked_calls\":{}}}", calls.masked, calls.masked_calls)?;
        separator = ",";
    }
    write!(out, "}},\"extra\":{{")?;
    separator = "";
    for (key, value) in extra {
        write!(out, "{separator}\"{key}\":{value}")?;
        separator = ",";
    }
    write!(out, "}}}}")
}

/// A remark that is no result.
pub fn remark(arguments: fmt::Arguments) {
    let mut line = Line::new();
    // A remark that is too long is cut off.
    let _ = line.write_fmt(arguments);
    line.send();
}
