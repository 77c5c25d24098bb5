//! What a program needs of its board.

use core::fmt;

/// A board: where a program prints, how its run ends, and what interrupts it.
///
/// The *tick* is a timer's interrupt after a period that is set anew each time. The *summons* is an interrupt that a
/// program pends itself, at a lower priority: a tick may come into the middle of its handler.
pub trait Board {
    /// Where a program prints to.
    fn console() -> impl fmt::Write;

    /// Ends the run; the emulator's exit status says that all is well.
    fn succeed() -> !;

    /// Starts the tick, first after a period of so many units of 80 ns. An instruction takes 128 ns of the emulator's
    /// time.
    fn start_ticking(first_period: u32);

    /// For the tick's handler: how long until it is called again, in units of 80 ns.
    fn tick_again_after(period: u32);

    /// The tick does not come any more.
    fn stop_ticking();

    /// Has the summons come. A board that has none leaves this as it is.
    fn summon() {}

    /// Waits for any interrupt.
    fn wait();

    /// Does something while no interrupt can come.
    fn undisturbed<R>(work: impl FnOnce() -> R) -> R;
}
