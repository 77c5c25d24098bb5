//! The boards that firmware runs on, as QEMU knows them.

use clap::ValueEnum;

/// A board's name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum Name {
    /// LM3S6965: Cortex-M3, 64 KiB RAM
    CortexM3,
}

/// What it takes to build for a board and to emulate it.
pub struct Board {
    pub triple: &'static str,
    /// The package under `targets/`.
    pub package: &'static str,
    pub emulator: &'static str,
    /// The Debian package of the emulator.
    pub emulator_package: &'static str,
    pub machine: &'static [&'static str],
}

/// A run is the same each time: the emulator's clock counts instructions, so an interrupt comes at the same one.
const CORTEX_M3: Board = Board {
    triple: "thumbv7m-none-eabi",
    package: "larder-cortex-m",
    emulator: "qemu-system-arm",
    emulator_package: "qemu-system-arm",
    machine: &["-machine", "lm3s6965evb", "-icount", "shift=7,align=off,sleep=off"],
};

impl Name {
    pub fn board(self) -> &'static Board {
        match self {
            Name::CortexM3 => &CORTEX_M3,
        }
    }
}
