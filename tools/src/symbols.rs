//! Call sites and tags as a person reads them, from the program's ELF file.

use std::path::Path;

use addr2line::Loader;
use anyhow::{Result, anyhow};
use object::{Object, ObjectSection};
use rustc_hash::FxHashMap;

/// One function of a call site. Inlined functions have frames of their own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Frame {
    pub function: String,
    pub file: Option<String>,
    pub line: Option<u32>,
}

impl Frame {
    /// `file:line`, or the function.
    pub fn place(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{}:{line}", short(file)),
            (Some(file), None) => short(file).to_owned(),
            _ => self.function.clone(),
        }
    }
}

/// What lies above the program in a stack of inlined functions.
const LIBRARIES: [&str; 9] =
    ["alloc::", "core::", "std::", "<alloc::", "<core::", "<std::", "__rust", "__rdl", "hashbrown::"];

/// The symbols of a program; without an ELF file, addresses are all there is.
#[derive(Default)]
pub struct Symbols {
    loader: Option<Loader>,
    is_arm: bool,
    /// Read-only sections: address, bytes.
    texts: Vec<(u64, Vec<u8>)>,
    cache: FxHashMap<u64, Vec<Frame>>,
}

impl Symbols {
    /// The symbols of an ELF file.
    ///
    /// # Errors
    /// If it can't be read, or is no ELF file.
    pub fn load(path: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
        let file = object::File::parse(&*bytes).map_err(|error| failed(&error))?;
        let is_arm = file.architecture() == object::Architecture::Arm;
        let sections = file.sections().filter(|section| section.address() != 0 || section.name() == Ok(".rodata"));
        let texts = sections.filter_map(|section| Some((section.address(), section.data().ok()?.to_vec()))).collect();
        let loader = Loader::new(path).map_err(|error| failed(&error))?;
        Ok(Self { loader: Some(loader), is_arm, texts, cache: FxHashMap::default() })
    }

    /// The functions at a return address, the innermost first; at least one.
    pub fn frames(&mut self, site: u64) -> &[Frame] {
        if !self.cache.contains_key(&site) {
            let frames = self.look_up(site);
            self.cache.insert(site, frames);
        }
        &self.cache[&site]
    }

    fn look_up(&self, site: u64) -> Vec<Frame> {
        // The call lies before the address to which it returns.
        let call = (if self.is_arm { site & !1 } else { site }).saturating_sub(1);
        let mut frames = Vec::new();
        if let Some(loader) = &self.loader {
            if let Ok(mut found) = loader.find_frames(call) {
                while let Ok(Some(frame)) = found.next() {
                    let name = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
                    let location = frame.location;
                    frames.push(Frame {
                        function: name.unwrap_or_else(|| format!("{site:#x}")),
                        file: location.as_ref().and_then(|location| location.file).map(str::to_owned),
                        line: location.and_then(|location| location.line),
                    });
                }
            }
            if frames.is_empty()
                && self.is_inside(call)
                && let Some(symbol) = loader.find_symbol(call)
            {
                frames.push(Frame {
                    function: addr2line::demangle_auto(symbol.into(), None).into_owned(),
                    file: None,
                    line: None,
                });
            }
        }
        if frames.is_empty() {
            frames.push(Frame { function: format!("{site:#x}"), file: None, line: None });
        }
        frames
    }

    /// Whether the program has something at an address. Behind its end, the last symbol would go on for ever.
    fn is_inside(&self, address: u64) -> bool {
        self.texts.iter().any(|(start, bytes)| address >= *start && address - start < bytes.len() as u64)
    }

    /// The innermost function that is the program's own.
    pub fn frame(&mut self, site: u64) -> Frame {
        let frames = self.frames(site);
        let own = frames.iter().find(|frame| !LIBRARIES.iter().any(|library| frame.function.starts_with(library)));
        own.unwrap_or(&frames[0]).clone()
    }

    /// The text at an address, if a tag is one.
    pub fn text(&self, address: u32) -> Option<String> {
        let (start, bytes) = self.texts.iter().find(|(start, bytes)| {
            u64::from(address).checked_sub(*start).is_some_and(|offset| offset < bytes.len() as u64)
        })?;
        let rest = &bytes[(u64::from(address) - start) as usize..];
        let end = rest.iter().take(256).position(|&byte| byte == 0)?;
        let text = str::from_utf8(&rest[..end]).ok()?;
        (!text.is_empty() && text.chars().all(|c| !c.is_control())).then(|| text.to_owned())
    }
}

/// The last parts of a path: what a person recognises.
pub fn short(path: &str) -> &str {
    let mut slashes = path.rmatch_indices(['/', '\\']);
    match slashes.nth(2) {
        Some((at, _)) => &path[at + 1..],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test program is an ELF file with debug information, and knows where its own functions lie.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_function_of_this_program_is_found_by_name_and_line() {
        #[inline(never)]
        fn marked(number: u64) -> u64 {
            std::hint::black_box(number) + 1
        }
        let program = std::env::current_exe().unwrap();
        let mut symbols = Symbols::load(&program).unwrap();
        let base = {
            // The lowest mapping of the program is where its addresses begin.
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let line = maps.lines().find(|line| line.ends_with(&program.display().to_string())).unwrap();
            u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()
        };
        let site = marked as fn(u64) -> u64 as usize as u64 - base + 4;
        let frame = symbols.frame(site);
        assert!(frame.function.contains("a_function_of_this_program_is_found_by_name_and_line::marked"), "{frame:?}");
        assert!(frame.file.as_ref().unwrap().ends_with("symbols.rs") && frame.line.unwrap() > 100, "{frame:?}");
        assert_eq!(symbols.frame(0x7fff_ffff_0000).function, "0x7fffffff0000");
    }

    #[test]
    fn a_file_that_is_no_elf_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"no program").unwrap();
        assert!(Symbols::load(file.path()).is_err());
    }

    #[test]
    fn paths_are_shortened_to_what_is_recognised() {
        assert_eq!(short("/a/b/c/src/main.rs"), "c/src/main.rs");
        assert_eq!(short("src/main.rs"), "src/main.rs");
    }
}
