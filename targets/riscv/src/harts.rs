//! Several harts: how the others wake up, and a critical section that keeps all of them apart.

use core::arch::global_asm;

use critical_section::RawRestoreState;
use larder_programs::cores::{self, Run};
use larder_programs::section::{Core, Section};
use larder_suite::Subject;
use riscv::register::{mhartid, mstatus};

use crate::board::Virt;
use crate::clint;

/// How many harts there are memory and stacks for.
const COUNT: usize = 4;

// The start-up code asks this for each hart: hart 0 goes on at once and makes the memory ready; the others sleep until
// their software interrupt is pending, which they clear. They never take it as an interrupt, since those are still off.
global_asm!(
    ".section .init.mp_hook, \"ax\"",
    ".global _mp_hook",
    "_mp_hook:",
    "beqz a0, 2f",
    "csrwi mie, 8",
    "1:",
    "wfi",
    "csrr t0, mip",
    "andi t0, t0, 8",
    "beqz t0, 1b",
    "csrwi mie, 0",
    "slli t0, a0, 2",
    "lui t1, 0x2000",
    "add t0, t0, t1",
    "sw zero, 0(t0)",
    // What hart 0 wrote before it woke this one is seen by all that follows.
    "fence rw, rw",
    "li a0, 0",
    "ret",
    "2:",
    "li a0, 1",
    "ret",
);

/// Has all harts use one heap, for so many operations; ends the run. To be called by hart 0, and then by each that wakes.
pub fn run(heap: &dyn Subject, hart: usize, operations: u32) -> ! {
    let run = Run { heap, cores: COUNT, operations };
    if hart == 0 {
        wake_others();
        cores::lead::<Virt>(run)
    }
    cores::follow(run, hart);
    loop {
        riscv::asm::wfi();
    }
}

fn wake_others() {
    // Every write so far comes before the waking, as seen by whoever wakes.
    riscv::asm::fence();
    (1..COUNT).for_each(clint::interrupt);
}

/// The hart that this runs on.
struct Hart;

impl Core for Hart {
    fn number() -> u32 {
        mhartid::read() as u32
    }

    fn mask() -> bool {
        let was_unmasked = mstatus::read().mie();
        riscv::interrupt::disable();
        was_unmasked
    }

    unsafe fn unmask() {
        // SAFETY: the caller's promise.
        unsafe { riscv::interrupt::enable() };
    }
}

static SECTION: Section = Section::new();

struct SeveralHarts;
critical_section::set_impl!(SeveralHarts);

// SAFETY: the section keeps out the hart's interrupts and all other harts, and orders what is done inside.
unsafe impl critical_section::Impl for SeveralHarts {
    unsafe fn acquire() -> RawRestoreState {
        SECTION.acquire::<Hart>()
    }

    unsafe fn release(exit: RawRestoreState) {
        // SAFETY: the caller's promise is the same.
        unsafe { SECTION.release::<Hart>(exit) };
    }
}
