//! Lines of text: `a ID SIZE ALIGN`, `f ID`, `r ID NEWSIZE`, and comments that begin with `#`.

use std::io::{BufRead, Read};

use anyhow::{Context, Result};

use super::{At, Event, Sink, fault, tell};

/// No line is longer.
const LINE_BYTES_MAX: u64 = 4096;

pub fn read(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<()> {
    let (mut line, mut offset) = (Vec::new(), 0);
    loop {
        line.clear();
        let len = input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).context("the trace can't be read")?;
        if len == 0 {
            return Ok(());
        }
        if len as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
            return fault(offset, "the line is too long");
        }
        let text = str::from_utf8(&line).or_else(|_| fault(offset, "the line is no text"))?.trim();
        if !text.is_empty() && !text.starts_with('#') {
            let Some(event) = parse(text) else {
                let shown: String = text.chars().take(40).flat_map(char::escape_default).collect();
                return fault(offset, format_args!("not `a ID SIZE ALIGN`, `f ID` or `r ID NEWSIZE`: {shown}"));
            };
            tell(sink, &event, &At { offset, ..At::default() })?;
        }
        offset += len as u64;
    }
}

fn parse(line: &str) -> Option<Event<'static>> {
    let mut words = line.split_ascii_whitespace();
    let kind = words.next()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    let event = match kind {
        "a" => {
            Event::Alloc { block: number()?, size: number()?, align: number().filter(|align| align.is_power_of_two())? }
        }
        "f" => Event::Free { block: number()? },
        "r" => {
            let block = number()?;
            Event::Realloc { old: block, block, size: number()?, align: None }
        }
        _ => return None,
    };
    words.next().is_none().then_some(event)
}
