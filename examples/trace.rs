//! A program that writes down what its heap does, for `larder-tools`:
//!
//! ```text
//! cargo run --example trace trace.larder
//! cargo run -p larder-tools -- report trace.larder
//! ```
//!
//! A parser that forgets a field of every hundredth message, and a sender that does not. Between two messages, the
//! program sends what the calls have left in the queue: on a microcontroller, that is the idle loop, which sends it to a
//! UART or a debug probe.

use std::fs::File;
use std::io::{Result, Write};

use larder::observe::{Observed, TAG, Traced};
use larder::trace::{Event, Origin, Start};

type Heap = Observed<larder::Heap<{ 4 * 1024 * 1024 }>, Traced<16384>>;

#[global_allocator]
static HEAP: Heap = Observed::new(larder::Heap::new(), Traced::new(|| Origin { tag: TAG.current(), ..Origin::NONE }));

/// Tags by number: a host's program does not know where its texts will lie, as `tag!` would.
const PARSE: u32 = 1;
const SEND: u32 = 2;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/trace.larder".into());
    let mut file = File::create(&path)?;
    let trace = HEAP.observer().trace();
    // What was allocated before `main` is not in the file.
    drain(&mut std::io::sink())?;
    trace.record(&Event::Start(Start::new(0, 0, HEAP.heap().stats().arena_bytes)), Origin::NONE);
    trace.name(PARSE, "parse");
    trace.name(SEND, "send");
    for round in 1..=1000 {
        parse(round);
        send(round);
        drain(&mut file)?;
    }
    println!("{path}: {} bytes; {} events were lost", file.metadata()?.len(), trace.lost());
    println!("cargo run -p larder-tools -- report {path}");
    Ok(())
}

/// Takes a message apart. Of every hundredth, one field is never freed.
fn parse(round: usize) {
    let _parse = TAG.enter(PARSE);
    let fields: Vec<Vec<u8>> = (1..20).map(|field| vec![1; field * 7 % 90 + 1]).collect();
    for (at, field) in fields.into_iter().enumerate() {
        if round % 100 == 0 && at == 3 {
            std::mem::forget(field);
        }
    }
}

/// Puts a message together.
fn send(round: usize) {
    let _send = TAG.enter(SEND);
    let mut message = Vec::new();
    (0..round % 700).for_each(|byte| message.push(byte as u8));
    assert_eq!(message.len(), round % 700);
}

/// Writes what is in the queue. Needs no memory.
fn drain(out: &mut impl Write) -> Result<()> {
    let mut bytes = [0; 1024];
    loop {
        match HEAP.observer().trace().read(&mut bytes) {
            0 => return Ok(()),
            len => out.write_all(&bytes[..len])?,
        }
    }
}
