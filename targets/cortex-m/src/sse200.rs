//! The two cores of Arm's SSE-200 subsystem, on QEMU's `mps2-an521`: how the second one starts, and a critical section
//! that keeps both apart.

use core::cell::UnsafeCell;

use cortex_m::register::primask;
use critical_section::RawRestoreState;
use larder_programs::cores::{self, Run};
use larder_programs::section::{Core, Section};
use larder_suite::Subject;

use crate::board::Mcu;

const CORES: usize = 2;

/// Where core 1 finds its vectors, and whether it waits: of the system's control registers.
const INITIAL_VECTORS_1: *mut u32 = 0x5002_1114 as *mut u32;
const CPU_WAIT: *mut u32 = 0x5002_1118 as *mut u32;
/// The number of the core that reads it.
const CPU_ID: *const u32 = 0x5001_F000 as *const u32;

const STACK_WORDS: usize = 8 * 1024;
/// The exceptions of the architecture, without the reset.
const EXCEPTIONS: usize = 14;

/// What core 1 begins with.
#[repr(C, align(512))]
struct Vectors {
    stack: *const u64,
    reset: extern "C" fn() -> !,
    exceptions: [extern "C" fn() -> !; EXCEPTIONS],
}

// SAFETY: it is only read, and the stack that it points to is core 1's alone.
unsafe impl Sync for Vectors {}

static VECTORS: Vectors = Vectors {
    stack: STACK.0.get().cast::<u64>().wrapping_add(STACK_WORDS),
    reset: begin_on_core_1,
    exceptions: [fault_on_core_1; EXCEPTIONS],
};

struct Stack(UnsafeCell<[u64; STACK_WORDS]>);

// SAFETY: nobody but core 1 uses it, as its stack.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([0; STACK_WORDS]));

/// What core 1 has to do. Written before it starts, read after.
struct Plan(UnsafeCell<Option<Run<'static>>>);

// SAFETY: core 0 writes it before it starts core 1; only that reads it.
unsafe impl Sync for Plan {}

static PLAN: Plan = Plan(UnsafeCell::new(None));

/// Has both cores use one heap, for so many operations; ends the run. To be called by core 0, once.
pub fn run(heap: &'static dyn Subject, operations: u32) -> ! {
    let run = Run { heap, cores: CORES, operations };
    // SAFETY: core 1 does not run yet, and nobody else knows the plan.
    unsafe { PLAN.0.get().write(Some(run)) };
    // What was written so far is there when core 1 starts.
    cortex_m::asm::dsb();
    // SAFETY: registers that do nothing but start core 1, with vectors, a stack and a plan that are ready.
    unsafe {
        INITIAL_VECTORS_1.write_volatile((&raw const VECTORS).addr() as u32);
        CPU_WAIT.write_volatile(0);
    }
    cores::lead::<Mcu>(run)
}

extern "C" fn begin_on_core_1() -> ! {
    // SAFETY: core 0 wrote the plan before it started this core, and does not touch it any more.
    let run = unsafe { *PLAN.0.get() }.expect("a plan");
    cores::follow(run, 1);
    loop {
        cortex_m::asm::wfi();
    }
}

extern "C" fn fault_on_core_1() -> ! {
    panic!("core 1 took an exception");
}

/// The core that this runs on.
struct ThisCore;

impl Core for ThisCore {
    fn number() -> u32 {
        // SAFETY: reading this register has no effect.
        unsafe { CPU_ID.read_volatile() }
    }

    fn mask() -> bool {
        let was_unmasked = primask::read().is_active();
        cortex_m::interrupt::disable();
        was_unmasked
    }

    unsafe fn unmask() {
        // SAFETY: the caller's promise.
        unsafe { cortex_m::interrupt::enable() };
    }
}

static SECTION: Section = Section::new();

struct TwoCores;
critical_section::set_impl!(TwoCores);

// SAFETY: the section keeps out the core's interrupts and the other core, and orders what is done inside.
unsafe impl critical_section::Impl for TwoCores {
    unsafe fn acquire() -> RawRestoreState {
        SECTION.acquire::<ThisCore>()
    }

    unsafe fn release(exit: RawRestoreState) {
        // SAFETY: the caller's promise is the same.
        unsafe { SECTION.release::<ThisCore>(exit) };
    }
}
