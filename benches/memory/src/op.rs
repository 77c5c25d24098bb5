//! A trace as an array of equal words: each op carries its whole layout.

use core::alloc::Layout;

/// What an op asks for; the low byte of [`Op::what`].
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Alloc = 0,
    AllocZeroed = 1,
    Realloc = 2,
    Dealloc = 3,
}

/// One request. The host writes these into the module's memory.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Kind in bits 0..8, log2 of the alignment in bits 8..16.
    what: u32,
    pub slot: u32,
    /// Size of the block; of a realloc, before it.
    size: u32,
    /// Of a realloc: size after it.
    pub new_size: u32,
}

impl Op {
    #[must_use]
    pub fn new(kind: Kind, slot: u32, size: u32, align: u32, new_size: u32) -> Self {
        Self { what: kind as u32 | align.trailing_zeros() << 8, slot, size, new_size }
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.what & 3 {
            0 => Kind::Alloc,
            1 => Kind::AllocZeroed,
            2 => Kind::Realloc,
            _ => Kind::Dealloc,
        }
    }

    #[must_use]
    pub fn layout(&self) -> Layout {
        // SAFETY: an op is only made of layouts that a program had: a power of two below 2^16, a size that fits.
        unsafe { Layout::from_size_align_unchecked(self.size as usize, 1 << (self.what >> 8 & 15)) }
    }

    /// The layout of the block once the op is done.
    #[must_use]
    pub fn layout_after(&self) -> Layout {
        let size = if self.kind() == Kind::Realloc { self.new_size } else { self.size };
        // SAFETY: as above.
        unsafe { Layout::from_size_align_unchecked(size as usize, self.layout().align()) }
    }

    /// The words as they stand in memory.
    #[must_use]
    pub fn words(&self) -> [u32; 4] {
        [self.what, self.slot, self.size, self.new_size]
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<larder_trace::Event> for Op {
    fn from(event: larder_trace::Event) -> Self {
        use larder_trace::Event;
        match event {
            Event::Alloc { slot, size, align, zeroed: false } => Self::new(Kind::Alloc, slot, size, align, 0),
            Event::Alloc { slot, size, align, zeroed: true } => Self::new(Kind::AllocZeroed, slot, size, align, 0),
            Event::Realloc { slot, old_size, align, new_size } => {
                Self::new(Kind::Realloc, slot, old_size, align, new_size)
            }
            Event::Dealloc { slot, size, align } => Self::new(Kind::Dealloc, slot, size, align, 0),
        }
    }
}
