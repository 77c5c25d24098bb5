//! What is done to a heap.

/// One call. Numbers are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Action {
    Alloc {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::size))]
        size: usize,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::align_log2))]
        align_log2: u32,
    },
    AllocZeroed {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::size))]
        size: usize,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::align_log2))]
        align_log2: u32,
    },
    Dealloc {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        which: usize,
    },
    Realloc {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        which: usize,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::size))]
        size: usize,
    },
    WrongFree(Wrong),
    /// The same as a free, but as a `realloc`: of a heap that looks at every layout only.
    WrongRealloc {
        wrong: Wrong,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::size))]
        size: usize,
    },
    Trim,
}

/// A free that the heap has to find.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Wrong {
    /// The block that was freed last, once more, if nothing was allocated since.
    Again,
    /// An address inside a live block.
    Inside {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        which: usize,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        offset: usize,
    },
    /// An address of the heap's memory, its tables included, at which no live block starts.
    Anywhere {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        offset: usize,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::size))]
        size: usize,
    },
    /// An address that is not the heap's.
    Elsewhere,
    /// A live block with a layout that is longer or shorter: of a heap that looks at every layout only.
    OtherSize {
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        which: usize,
        #[cfg_attr(fuzzing, arbitrary(with = fuzzed::number))]
        number: usize,
    },
}

/// How a fuzzer's bytes become numbers: most of them small, none wasted.
#[cfg(fuzzing)]
mod fuzzed {
    use arbitrary::{Result, Unstructured};

    pub fn number(bytes: &mut Unstructured) -> Result<usize> {
        Ok(usize::from(bytes.arbitrary::<u16>()?))
    }

    pub fn align_log2(bytes: &mut Unstructured) -> Result<u32> {
        Ok(match bytes.arbitrary::<u8>()? {
            number @ 0..=16 => u32::from(number),
            _ => 0,
        })
    }

    pub fn size(bytes: &mut Unstructured) -> Result<usize> {
        Ok(match bytes.arbitrary::<u8>()? {
            number @ 0..=127 => usize::from(number) + 1,
            128..=207 => usize::from(bytes.arbitrary::<u16>()? % 1024) + 1,
            208..=247 => usize::from(bytes.arbitrary::<u16>()?) + 1,
            248..=251 => bytes.arbitrary::<u32>()? as usize + 1,
            _ => isize::MAX as usize - usize::from(bytes.arbitrary::<u16>()?),
        })
    }
}
