//! A look at memory that somebody else may be writing to, or that nobody has written to.

/// Whether a look is the processor's load, so that the memory may be one that another context writes to meanwhile: a volatile read would
/// be a data race.
pub(crate) const MAY_RACE: bool = cfg!(all(
    not(miri),
    any(target_arch = "arm", target_arch = "riscv32", target_arch = "x86_64", target_arch = "aarch64")
));

/// What a word holds at the moment; of one that nobody has written to, anything.
///
/// Rust has no read for that. A processor has: where the compiler takes assembler, the load is out of its sight, so that it can't
/// conclude anything from it. Elsewhere, and under Miri, it is a volatile one, which today's compilers treat alike, but do not promise.
///
/// # Safety
///
/// The address is a multiple of 4, of memory that can be read.
#[inline(always)]
pub(crate) unsafe fn peek(word: *const u32) -> u32 {
    #[cfg(any(
        miri,
        not(any(target_arch = "arm", target_arch = "riscv32", target_arch = "x86_64", target_arch = "aarch64"))
    ))]
    // SAFETY: the caller's contract.
    return unsafe { word.read_volatile() };
    #[cfg(all(
        not(miri),
        any(target_arch = "arm", target_arch = "riscv32", target_arch = "x86_64", target_arch = "aarch64")
    ))]
    {
        let value: u32;
        // SAFETY: the caller's contract; one load, and nothing else. Not `pure`: it is where it is written, between other accesses.
        unsafe {
            #[cfg(target_arch = "arm")]
            core::arch::asm!("ldr {0}, [{1}]", out(reg) value, in(reg) word, options(readonly, nostack, preserves_flags));
            #[cfg(target_arch = "riscv32")]
            core::arch::asm!("lw {0}, 0({1})", out(reg) value, in(reg) word, options(readonly, nostack, preserves_flags));
            #[cfg(target_arch = "x86_64")]
            core::arch::asm!("mov {0:e}, dword ptr [{1}]", out(reg) value, in(reg) word, options(readonly, nostack, preserves_flags));
            #[cfg(target_arch = "aarch64")]
            core::arch::asm!("ldr {0:w}, [{1}]", out(reg) value, in(reg) word, options(readonly, nostack, preserves_flags));
        }
        value
    }
}
