//! How a run ends that failed: where it was, what was wrong, and the emulator's exit status.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m_semihosting::debug;
use larder_cortex_m::board;

use crate::shared::Shared;

/// What the run is at.
#[derive(Clone, Copy)]
struct Whereabouts {
    operation: &'static str,
    script: &'static str,
    positions: [u32; 3],
}

static WHEREABOUTS: Shared<Whereabouts> =
    Shared::new(Whereabouts { operation: "the start", script: "nothing", positions: [0; 3] });

/// Remembers what the run is at. Not for handlers.
pub fn now_at(operation: &'static str, script: &'static str, positions: [u32; 3]) {
    // SAFETY: the only other user is a panic, which does not return.
    unsafe { WHEREABOUTS.with(|it| *it = Whereabouts { operation, script, positions }) };
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self { operation, script, positions: [first, second, third] } = self;
        write!(out, "{operation}, interrupted at {first} (then {second}, {third}) by {script}")
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    // SAFETY: at worst, a panic in the middle of `now_at` shows half of it.
    let whereabouts = unsafe { WHEREABOUTS.with(|it| *it) };
    // If the host does not print, its exit status still tells.
    let _ = writeln!(board::console(), "FAILED in {whereabouts}\n{info}");
    debug::exit(debug::EXIT_FAILURE);
    loop {
        cortex_m::asm::wfi();
    }
}

#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    panic!("a fault: {frame:?}");
}
