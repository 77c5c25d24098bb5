//! The board: its arena, the end of a run, and its interrupts.

use core::fmt;

use larder_programs::Board;
use riscv::interrupt::Interrupt;
use semihosting::io::{self, Write};
use semihosting::process::ExitCode;

use crate::clint;

/// The heap's size, as on the other boards of this size.
pub const ARENA_BYTES: usize = 48 * 1024;

/// QEMU's `virt`, as its hart 0 sees it.
///
/// The tick is the machine timer's interrupt, the summons the machine software interrupt.
pub struct Virt;

impl Board for Virt {
    fn console() -> impl fmt::Write {
        Console(io::stdout().expect("a host with semihosting"))
    }

    fn succeed() -> ! {
        ExitCode::SUCCESS.exit_process()
    }

    fn start_ticking(first_period: u32) {
        clint::alarm_after(clock_ticks(first_period));
        // SAFETY: nobody waits for these interrupts to stay off: this is called once, with no critical section around.
        unsafe {
            riscv::interrupt::enable_interrupt(Interrupt::MachineTimer);
            riscv::interrupt::enable_interrupt(Interrupt::MachineSoft);
            riscv::interrupt::enable();
        }
    }

    fn tick_again_after(period: u32) {
        clint::alarm_after(clock_ticks(period));
    }

    fn stop_ticking() {
        riscv::interrupt::disable_interrupt(Interrupt::MachineTimer);
        riscv::interrupt::disable_interrupt(Interrupt::MachineSoft);
        clint::stop_alarm();
    }

    fn summon() {
        clint::interrupt(0);
    }

    fn wait() {
        riscv::asm::wfi();
    }

    fn undisturbed<R>(work: impl FnOnce() -> R) -> R {
        riscv::interrupt::free(work)
    }
}

/// To be called by the handler of the summons, around all that it does: meanwhile ticks may come.
pub fn while_ticks_come(work: impl FnOnce()) {
    clint::acknowledge(0);
    riscv::interrupt::disable_interrupt(Interrupt::MachineSoft);
    // SAFETY: the summons is disabled, so this handler is not called again before it is done; the tick's handler does
    // not enable anything.
    unsafe { riscv::interrupt::nested(work) };
    // SAFETY: the handler is about to return.
    unsafe { riscv::interrupt::enable_interrupt(Interrupt::MachineSoft) };
}

/// From units of 80 ns to the timer's of 100.
fn clock_ticks(period: u32) -> u32 {
    period * 4 / 5
}

struct Console(io::Stdout);

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// An exception is a mistake: the run ends, and says where it happened.
#[unsafe(no_mangle)]
extern "C" fn ExceptionHandler(_: &riscv_rt::TrapFrame) -> ! {
    let (cause, at) = (riscv::register::mcause::read().bits(), riscv::register::mepc::read());
    panic!("exception {cause} at {at:#x}, about {:#x}", riscv::register::mtval::read());
}
