//! The board that the target stands for: its arena, the end of a run, and the tick.

use core::fmt;

use cortex_m::peripheral::{Peripherals, SCB, SYST, syst::SystClkSource};
use cortex_m_semihosting::{debug, hio};
use larder_programs::Board;

include!(concat!(env!("OUT_DIR"), "/board.rs"));

/// How much of the stack nobody may ever have touched.
const STACK_MARGIN_BYTES: usize = 512;

/// In the register ICSR.
const CLEAR_PENDING_SYSTICK: u32 = 1 << 25;

unsafe extern "C" {
    /// Where the linker script ends the stack's memory, and what it grows down from.
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Where a program prints to.
pub fn console() -> impl fmt::Write {
    hio::hstdout().expect("a host with semihosting")
}

/// Ends the run; the emulator's exit status says that all is well.
///
/// The heap lies where the stack would grow into: a stack that came near it would look like a damaged heap, or worse, not.
pub fn succeed() -> ! {
    assert!(stack_bytes_unused() >= STACK_MARGIN_BYTES, "the stack came down to the heap");
    debug::exit(debug::EXIT_SUCCESS);
    panic!("the host did not end the run");
}

/// Starts the SysTick exception, first after a period of so many units of 80 ns, on every board. An instruction takes
/// 128 ns of the emulator's time.
pub fn start_ticking(first_period: u32) {
    let mut timer = Peripherals::take().expect("the tick is started once").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(clock_ticks(first_period));
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

/// For the handler: how long until it is called again, in units of 80 ns. A tick that came due meanwhile is dropped: a
/// handler that takes longer than its period would leave no time to anybody else.
pub fn tick_again_after(period: u32) {
    let timer = timer();
    // SAFETY: one aligned store each to the reload and current-value registers, which the handler alone writes once
    // the tick is started; and one that makes SysTick no longer pending and changes nothing else.
    unsafe {
        (*timer).rvr.write(clock_ticks(period));
        (*timer).cvr.write(0);
        (*SCB::PTR).icsr.write(CLEAR_PENDING_SYSTICK);
    }
}

/// Ends the ticking: the handler is not called any more.
pub fn stop_ticking() {
    // SAFETY: one aligned store to the control register, which nobody else writes while the tick runs.
    unsafe { (*timer()).csr.write(0) };
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// How much of the stack still has the paint that the start-up code gave it.
fn stack_bytes_unused() -> usize {
    let (end, start) = (&raw const _stack_end, &raw const _stack_start);
    let words = (start.addr() - end.addr()) / size_of::<u32>();
    // SAFETY: the words of the stack are memory; they are read, and volatile, whatever they belong to.
    let is_painted = |&at: &usize| unsafe { end.add(at).read_volatile() } == cortex_m_rt::STACK_PAINT_VALUE;
    (0..words).take_while(is_painted).count() * size_of::<u32>()
}

fn clock_ticks(period: u32) -> u32 {
    period * (CLOCK_KHZ / 100) / 125
}

fn timer() -> *const cortex_m::peripheral::syst::RegisterBlock {
    SYST::PTR
}

/// The board, for programs that run on any.
pub struct Mcu;

impl Board for Mcu {
    fn console() -> impl fmt::Write {
        console()
    }

    fn succeed() -> ! {
        succeed()
    }

    fn start_ticking(first_period: u32) {
        start_ticking(first_period);
    }

    fn tick_again_after(period: u32) {
        tick_again_after(period);
    }

    fn stop_ticking() {
        stop_ticking();
    }

    fn wait() {
        cortex_m::asm::wfi();
    }

    fn undisturbed<R>(work: impl FnOnce() -> R) -> R {
        cortex_m::interrupt::free(|_| work())
    }
}
