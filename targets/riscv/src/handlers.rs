//! The interrupt handlers of the binaries: each has to be in the binary itself, and all are the same but for what they are handed to.

/// The timer's interrupt, of which a program's handler, of the type given, does the work.
#[macro_export]
macro_rules! on_tick {
    ($handler:ty) => {
        #[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineTimer)]
        fn tick() {
            static mut HANDLER: $handler = <$handler>::new();
            let handler = &raw mut HANDLER;
            // SAFETY: the interrupt does not nest, comes to hart 0 alone, and nobody else knows the handler.
            unsafe { (*handler).tick::<$crate::board::Virt>() };
        }
    };
}

/// The interrupt by which a hart summons itself, answered by a program's handler while ticks come.
#[macro_export]
macro_rules! on_summons {
    ($handler:ty) => {
        #[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineSoft)]
        fn summons() {
            static mut HANDLER: $handler = <$handler>::new();
            let handler = &raw mut HANDLER;
            // SAFETY: the interrupt does not come while it is answered, and nobody else knows the handler.
            $crate::board::while_ticks_come(|| unsafe { (*handler).answer() });
        }
    };
}
