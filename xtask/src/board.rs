//! The boards that firmware runs on, as QEMU knows them.

use clap::ValueEnum;

/// A board's name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum Name {
    /// micro:bit: Cortex-M0, no compare-and-swap, 16 KiB RAM
    CortexM0,
    /// LM3S6965: Cortex-M3, 64 KiB RAM
    CortexM3,
    /// MPS2 AN386: Cortex-M4F, 4 MiB RAM
    CortexM4,
    /// virt: RV32IMAC, 16 MiB RAM
    RiscvImac,
    /// virt: RV32IMC, no compare-and-swap, 16 MiB RAM
    RiscvImc,
}

/// What it takes to build for a board and to emulate it. Its memory layout is its package's business.
pub struct Board {
    pub triple: &'static str,
    /// The package under `targets/`.
    pub package: &'static str,
    pub emulator: &'static str,
    /// The Debian package of the emulator.
    pub emulator_package: &'static str,
    /// The emulator's name for it.
    pub machine: &'static str,
    /// What the emulator needs besides.
    pub arguments: &'static [&'static str],
    /// Why the demo can't run there.
    pub no_demo: Option<&'static str>,
}

/// A run is the same each time: the emulator's clock counts instructions, so an interrupt comes at the same one.
const INSTRUCTION_CLOCK: &[&str] = &["-icount", "shift=7,align=off,sleep=off"];

const CORTEX_M0: Board = Board {
    triple: "thumbv6m-none-eabi",
    machine: "microbit",
    no_demo: Some("it needs 48 KiB of heap, and the board has 16 KiB of RAM"),
    ..CORTEX_M3
};

const CORTEX_M3: Board = Board {
    triple: "thumbv7m-none-eabi",
    package: "larder-cortex-m",
    emulator: "qemu-system-arm",
    emulator_package: "qemu-system-arm",
    machine: "lm3s6965evb",
    arguments: INSTRUCTION_CLOCK,
    no_demo: None,
};

const CORTEX_M4: Board = Board { triple: "thumbv7em-none-eabihf", machine: "mps2-an386", ..CORTEX_M3 };

const RISCV_IMAC: Board = Board {
    triple: "riscv32imac-unknown-none-elf",
    package: "larder-riscv",
    emulator: "qemu-system-riscv32",
    emulator_package: "qemu-system-misc",
    machine: "virt",
    arguments: &["-bios", "none", "-icount", "shift=7,align=off,sleep=off"],
    no_demo: None,
};

const RISCV_IMC: Board = Board { triple: "riscv32imc-unknown-none-elf", ..RISCV_IMAC };

impl Board {
    pub fn is_cortex_m(&self) -> bool {
        self.triple.starts_with("thumb")
    }
}

impl Name {
    pub fn board(self) -> &'static Board {
        match self {
            Name::CortexM0 => &CORTEX_M0,
            Name::CortexM3 => &CORTEX_M3,
            Name::CortexM4 => &CORTEX_M4,
            Name::RiscvImac => &RISCV_IMAC,
            Name::RiscvImc => &RISCV_IMC,
        }
    }
}
