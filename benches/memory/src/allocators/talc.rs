//! `talc` with three ways to bin free chunks.

use crate::heap::{Heap, calls_of_the_first_field};
use ::talc::base::binning::{
    Binning, DefaultBinning, linear_extent_then_linearly_divided_exponential_binning as divided,
};
use ::talc::cell::TalcCell;
use ::talc::source::Manual;
use ::talc::wasm::WasmBinning;
use core::ptr::NonNull;

/// Eight divisions of a power of two.
pub struct FineBinning;

impl Binning for FineBinning {
    type AvailabilityBitField = [u32; 5];

    fn size_to_bin(size: usize) -> u32 {
        divided::<8, 4>(size)
    }
}

pub struct Talc<B: Binning>(TalcCell<Manual, B>);

pub type Standard = Talc<DefaultBinning>;
pub type Wasm = Talc<WasmBinning>;
pub type Fine = Talc<FineBinning>;

trait Named: Binning {
    const NAME: &'static str;
}

impl Named for DefaultBinning {
    const NAME: &'static str = "talc";
}

impl Named for WasmBinning {
    const NAME: &'static str = "talc wasm";
}

impl Named for FineBinning {
    const NAME: &'static str = "talc fine";
}

// SAFETY: talc keeps the contract.
unsafe impl<B: Named> Heap for Talc<B> {
    const NAME: &'static str = B::NAME;

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract.
        unsafe { at.write(Self(TalcCell::new(Manual))) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        // SAFETY: the caller's contract.
        unsafe { self.0.claim(arena.as_ptr().cast(), arena.len()).is_some() }
    }

    calls_of_the_first_field!();
}
