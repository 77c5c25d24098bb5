//! A look at memory that another context may be writing to, or that nobody has written to.

/// Whether a look is the processor's load, so that the memory may be one that another context writes to meanwhile: a
/// volatile read would be a data race.
pub(crate) const MAY_RACE: bool = load::BY_PROCESSOR;

/// What a word holds at the moment; of one that nobody has written to, anything.
///
/// Rust has no read for that. A processor has: where the compiler takes assembler, the load is out of its sight, so
/// that it can't conclude anything from it. Elsewhere, and under Miri, it is a volatile one, which today's compilers
/// treat alike, but do not promise.
///
/// # Safety
///
/// - The address is a multiple of 4, of memory that can be read.
/// - Without [`MAY_RACE`], nobody writes to the word meanwhile.
#[inline]
pub(crate) unsafe fn peek(word: *const u32) -> u32 {
    // SAFETY: passed on.
    unsafe { load::load(word) }
}

/// One instruction, and nothing else. Not `pure`: it stays where it is written, between other accesses.
macro_rules! load_by_processor {
    ($($arch:literal: $instruction:literal),*) => {
        #[cfg(all(not(miri), any($(target_arch = $arch),*)))]
        mod load {
            pub const BY_PROCESSOR: bool = true;

            #[inline]
            pub unsafe fn load(word: *const u32) -> u32 {
                let value: u32;
                $(
                    #[cfg(target_arch = $arch)]
                    // SAFETY: the word is aligned and can be read, by the caller's contract; no other memory and no
                    // flag is touched.
                    unsafe {
                        core::arch::asm!($instruction, out(reg) value, in(reg) word, options(readonly, nostack, preserves_flags));
                    }
                )*
                value
            }
        }

        #[cfg(not(all(not(miri), any($(target_arch = $arch),*))))]
        mod load {
            pub const BY_PROCESSOR: bool = false;

            #[inline]
            pub unsafe fn load(word: *const u32) -> u32 {
                // SAFETY: the word is aligned, can be read and is not written to meanwhile, by the caller's contract.
                unsafe { word.read_volatile() }
            }
        }
    };
}

load_by_processor! {
    "arm": "ldr {0}, [{1}]",
    "riscv32": "lw {0}, 0({1})",
    "x86_64": "mov {0:e}, dword ptr [{1}]",
    "aarch64": "ldr {0:w}, [{1}]"
}
