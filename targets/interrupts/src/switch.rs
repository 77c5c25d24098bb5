//! A small preemptive switch between two tasks, as an RTOS does it: SysTick ends a time slice, PendSV switches.
//!
//! Main becomes the first task, on the stack that it has; the second has a stack of its own, and so have the handlers. For cores without a
//! floating-point unit, whose registers are not saved.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::peripheral::scb::SystemHandler;
use cortex_m::peripheral::{Peripherals, SCB};

use crate::shared::Shared;
use crate::trap;

/// Eight bytes each.
const TASK_STACK_UNITS: usize = 256;
const HANDLERS_STACK_UNITS: usize = 96;
/// What a stack holds that was never used. Zeros: they cost no flash.
const PAINT: u64 = 0;
/// What PendSV saves below the exception's frame.
const SAVED_WORDS: usize = 8;
const FRAME_WORDS: usize = 8;
/// Thumb state, without which nothing runs.
const XPSR: u32 = 1 << 24;
const LEAST_URGENT: u8 = 0xFF;

global_asm!(
    // use_process_stack(handlers' stack): main goes on with the stack that it has.
    ".section .text.use_process_stack,\"ax\"",
    ".global use_process_stack",
    ".thumb_func",
    "use_process_stack:",
    "mrs r1, MSP",
    "msr PSP, r1",
    "movs r1, #2",
    "msr CONTROL, r1",
    "isb",
    "msr MSP, r0",
    "bx lr",
    // PendSV: saves what the exception has not, asks for the other task's stack, restores.
    ".section .text.PendSV,\"ax\"",
    ".global PendSV",
    ".thumb_func",
    "PendSV:",
    "mrs r0, PSP",
    "subs r0, #32",
    "mov r1, r0",
    "stmia r1!, {{r4, r5, r6, r7}}",
    "mov r4, r8",
    "mov r5, r9",
    "mov r6, r10",
    "mov r7, r11",
    "stmia r1!, {{r4, r5, r6, r7}}",
    "push {{r3, lr}}",
    "bl switch_stacks",
    "pop {{r2, r3}}",
    "mov r1, r0",
    "adds r1, #16",
    "ldmia r1!, {{r4, r5, r6, r7}}",
    "mov r8, r4",
    "mov r9, r5",
    "mov r10, r6",
    "mov r11, r7",
    "msr PSP, r1",
    "ldmia r0!, {{r4, r5, r6, r7}}",
    "bx r3",
);

unsafe extern "C" {
    fn use_process_stack(handlers: *mut u64);
}

static HANDLERS_STACK: Shared<[u64; HANDLERS_STACK_UNITS]> = Shared::new([PAINT; HANDLERS_STACK_UNITS]);
static SECOND_STACK: Shared<[u64; TASK_STACK_UNITS]> = Shared::new([PAINT; TASK_STACK_UNITS]);
/// Where the task that does not run has its saved registers.
static OTHER_STACK: AtomicU32 = AtomicU32::new(0);
/// The task that runs: 0 or 1.
static RUNNING: AtomicU32 = AtomicU32::new(0);
/// Called at each switch with the task that is suspended.
static WATCHER: Shared<fn(usize)> = Shared::new(|_| ());
/// How long the next slice is, in instructions.
static SLICES: Shared<fn() -> u32> = Shared::new(|| 1_000);

/// The task that runs.
pub fn running() -> usize {
    RUNNING.load(Relaxed) as usize
}

/// Starts the second task beside the caller, which is the first from now on. `slices` says how many instructions each slice has;
/// `watcher` is called at each switch, with the task that is suspended.
///
/// # Safety
///
/// To be called once, from main.
pub unsafe fn start(second: extern "C" fn() -> !, slices: fn() -> u32, watcher: fn(usize)) {
    let frame: [u32; SAVED_WORDS + FRAME_WORDS] = {
        let mut frame = [0; SAVED_WORDS + FRAME_WORDS];
        frame[SAVED_WORDS + 6] = second as *const () as u32 & !1;
        frame[SAVED_WORDS + 7] = XPSR;
        frame
    };
    // SAFETY: no task runs yet; the stacks are nobody else's.
    unsafe {
        WATCHER.with(|it| *it = watcher);
        SLICES.with(|it| *it = slices);
        let top = SECOND_STACK.as_ptr().cast::<u64>().add(TASK_STACK_UNITS);
        let start = top.cast::<u32>().sub(frame.len());
        start.cast::<[u32; SAVED_WORDS + FRAME_WORDS]>().write(frame);
        OTHER_STACK.store(start.addr() as u32, Relaxed);
        Peripherals::steal().SCB.set_priority(SystemHandler::PendSV, LEAST_URGENT);
        use_process_stack(HANDLERS_STACK.as_ptr().cast::<u64>().add(HANDLERS_STACK_UNITS));
    }
    trap::start_ticking(slices(), |_| end_slice());
}

/// Panics when a stack was used to its end: what lies below may be damaged.
pub fn assert_stacks_sufficed() {
    // SAFETY: words of memory, which are only read, and volatile, whoever uses them.
    let lowest =
        unsafe { [SECOND_STACK.as_ptr().cast::<u64>(), HANDLERS_STACK.as_ptr().cast()].map(|at| at.read_volatile()) };
    assert_eq!(lowest, [PAINT; 2], "a stack was too small");
}

/// SysTick.
fn end_slice() {
    // SAFETY: set before the first tick.
    let slices = unsafe { SLICES.with(|it| *it) };
    SCB::set_pendsv();
    trap::spring_again(slices(), |_| end_slice());
}

/// PendSV's: the other task's stack for that of the one that was running.
#[unsafe(no_mangle)]
extern "C" fn switch_stacks(suspended: u32) -> u32 {
    let task = RUNNING.load(Relaxed);
    // SAFETY: set before the first tick.
    let watcher = unsafe { WATCHER.with(|it| *it) };
    watcher(task as usize);
    RUNNING.store(1 - task, Relaxed);
    let resumed = OTHER_STACK.load(Relaxed);
    OTHER_STACK.store(suspended, Relaxed);
    resumed
}
