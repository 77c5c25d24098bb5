//! The boards that firmware runs on, as QEMU knows them.

use std::fmt;

use clap::ValueEnum;

/// A board's name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum Name {
    /// micro:bit: Cortex-M0, no compare-and-swap, 16 KiB RAM
    CortexM0,
    /// LM3S6965: Cortex-M3, 64 KiB RAM
    CortexM3,
    /// MPS2 AN386: Cortex-M4F, 4 MiB RAM, the heap for one core alone
    CortexM4,
    /// MPS2 AN521: Cortex-M33, 2 MiB RAM
    CortexM33,
    /// MPS2 AN521: the same with both cores at once
    CortexM33Dual,
    /// virt: RV32IMAC, 16 MiB RAM
    RiscvImac,
    /// virt: the same with four harts at once
    RiscvHarts,
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
    /// Features of the package instead of its default ones. The same for all boards of one triple: they share binaries.
    pub features: Option<&'static str>,
    /// A feature of the library, in every package.
    pub library_feature: Option<&'static str>,
    /// What the emulator needs besides.
    pub arguments: &'static [&'static str],
    pub clock: Clock,
}

/// The emulator's time.
#[derive(Clone, Copy, PartialEq)]
pub enum Clock {
    /// Instructions, of one core at a time: a run is the same each time, and an interrupt comes at the same instruction.
    Instructions,
    /// The host's, with each core in a thread of its own: no two runs are the same.
    Host,
}

const CORTEX_M0: Board = Board { triple: "thumbv6m-none-eabi", machine: "microbit", ..CORTEX_M3 };

const CORTEX_M3: Board = Board {
    triple: "thumbv7m-none-eabi",
    package: "larder-cortex-m",
    emulator: "qemu-system-arm",
    emulator_package: "qemu-system-arm",
    machine: "lm3s6965evb",
    features: None,
    library_feature: None,
    arguments: &[],
    clock: Clock::Instructions,
};

const CORTEX_M4: Board = Board {
    triple: "thumbv7em-none-eabihf",
    machine: "mps2-an386",
    library_feature: Some("larder/unsafe-assume-single-core"),
    ..CORTEX_M3
};

const CORTEX_M33: Board = Board {
    triple: "thumbv8m.main-none-eabi",
    machine: "mps2-an521",
    features: Some("two-cores"),
    arguments: &["-smp", "2"],
    ..CORTEX_M3
};

const CORTEX_M33_DUAL: Board = Board { clock: Clock::Host, ..CORTEX_M33 };

const RISCV_IMAC: Board = Board {
    triple: "riscv32imac-unknown-none-elf",
    package: "larder-riscv",
    emulator: "qemu-system-riscv32",
    emulator_package: "qemu-system-misc",
    machine: "virt",
    features: Some("harts"),
    library_feature: None,
    arguments: &["-bios", "none"],
    clock: Clock::Instructions,
};

const RISCV_HARTS: Board = Board { arguments: &["-bios", "none", "-smp", "4"], clock: Clock::Host, ..RISCV_IMAC };

const RISCV_IMC: Board = Board { triple: "riscv32imc-unknown-none-elf", features: None, ..RISCV_IMAC };

impl Board {
    pub fn is_cortex_m(&self) -> bool {
        self.triple.starts_with("thumb")
    }

    /// What cargo has to be told to build a package for the board.
    pub fn package_arguments<'a>(&self, package: &'a str) -> impl Iterator<Item = &'a str> {
        let features = self.features.filter(|_| package == self.package);
        let features = features.into_iter().flat_map(|features| ["--no-default-features", "--features", features]);
        let library = self.library_feature.into_iter().flat_map(|feature| ["--features", feature]);
        ["--package", package].into_iter().chain(features).chain(library)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let value = self.to_possible_value().expect("no name is hidden");
        out.write_str(value.get_name())
    }
}

impl Name {
    pub fn board(self) -> &'static Board {
        match self {
            Name::CortexM0 => &CORTEX_M0,
            Name::CortexM3 => &CORTEX_M3,
            Name::CortexM4 => &CORTEX_M4,
            Name::CortexM33 => &CORTEX_M33,
            Name::CortexM33Dual => &CORTEX_M33_DUAL,
            Name::RiscvImac => &RISCV_IMAC,
            Name::RiscvHarts => &RISCV_HARTS,
            Name::RiscvImc => &RISCV_IMC,
        }
    }
}
