//! What a command writes: its result to standard output, all else to standard error.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result, bail};

/// Nobody reads the result any more. Not worth a word: the reader knows.
#[derive(Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("standard output is closed")
    }
}

impl std::error::Error for Closed {}

/// Writes a part of a command's result.
pub fn result(text: fmt::Arguments) -> Result<()> {
    write_to(&mut io::stdout().lock(), text)
}

fn write_to(out: &mut impl Write, text: fmt::Arguments) -> Result<()> {
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => bail!(Closed),
        outcome => outcome.context("the result can't be written to standard output"),
    }
}

/// Writes to standard error. Where that can't be written to, there is nowhere to say so.
pub fn note(text: fmt::Arguments) {
    // Formatted first: one write is not torn apart by what runs at the same time.
    let text = text.to_string();
    crate::step::without_bars(|| {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    });
}

/// Like `println!`, but returns from the function when the line can't be written.
macro_rules! result_line {
    ($($text:tt)*) => { $crate::output::result(format_args!("{}\n", format_args!($($text)*)))? };
}

/// Like `eprintln!`, but goes on when the line can't be written.
macro_rules! note_line {
    ($($text:tt)*) => { $crate::output::note(format_args!("{}\n", format_args!($($text)*))) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing.
    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_apart_from_a_reader_that_has_gone() {
        let error = write_to(&mut Refusing(ErrorKind::StorageFull), format_args!("x")).unwrap_err();
        assert!(!error.is::<Closed>() && format!("{error:#}").starts_with("the result can't be written"), "{error:#}");
        assert!(write_to(&mut Refusing(ErrorKind::BrokenPipe), format_args!("x")).unwrap_err().is::<Closed>());
    }
}
