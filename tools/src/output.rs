//! What a command writes: its result to standard output or a file, all else to standard error.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

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

/// Writes a command's result to standard output.
pub fn result(bytes: &[u8]) -> Result<()> {
    write_to(&mut io::stdout().lock(), bytes)
}

fn write_to(out: &mut impl Write, bytes: &[u8]) -> Result<()> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => bail!(Closed),
        outcome => outcome.context("the result can't be written to standard output"),
    }
}

/// Writes to standard error. Where that can't be written to, there is nowhere to say so.
pub fn note(text: fmt::Arguments) {
    let _ = io::stderr().lock().write_fmt(format_args!("{text}\n"));
}

/// Writes a file as a whole or not at all: beside it first, then in its place.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let what = || format!("{} can't be written", path.display());
    if path.exists() && !path.is_file() {
        // A device or a pipe can't be replaced.
        let mut out = io::BufWriter::new(std::fs::OpenOptions::new().write(true).open(path).with_context(what)?);
        write(&mut out)?;
        return out.flush().with_context(what);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new().prefix(".larder-").tempfile_in(folder).with_context(what)?;
    let mut out = io::BufWriter::with_capacity(1 << 18, temporary);
    write(&mut out)?;
    let temporary = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(what)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
        temporary.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).with_context(what)?;
    }
    temporary.persist(path).with_context(what)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let error = write_to(&mut Refusing(ErrorKind::StorageFull), b"x").unwrap_err();
        assert!(!error.is::<Closed>() && format!("{error:#}").starts_with("the result can't be written"), "{error:#}");
        assert!(write_to(&mut Refusing(ErrorKind::BrokenPipe), b"x").unwrap_err().is::<Closed>());
    }

    #[test]
    fn a_file_is_there_as_a_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        file(&path, |out| Ok(out.write_all(b"first")?)).unwrap();
        let failed = file(&path, |out| {
            out.write_all(b"half")?;
            bail!("broken")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
