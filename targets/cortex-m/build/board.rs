//! The boards, one a target.

/// What a program has to know of its board before it runs.
pub struct Board {
    target: &'static str,
    /// Its name in QEMU.
    machine: &'static str,
    flash: usize,
    flash_kib: usize,
    ram: usize,
    ram_kib: usize,
    arena_kib: usize,
    /// What SysTick counts.
    clock_khz: u32,
}

const BOARDS: &[Board] = &[
    Board {
        target: "thumbv6m-none-eabi",
        machine: "microbit",
        flash: 0,
        flash_kib: 256,
        ram: 0x2000_0000,
        ram_kib: 16,
        arena_kib: 8,
        clock_khz: 16_000,
    },
    Board {
        target: "thumbv7m-none-eabi",
        machine: "lm3s6965evb",
        flash: 0,
        flash_kib: 256,
        ram: 0x2000_0000,
        ram_kib: 64,
        arena_kib: 48,
        clock_khz: 12_500,
    },
    Board {
        target: "thumbv7em-none-eabihf",
        machine: "mps2-an386",
        flash: 0,
        flash_kib: 4096,
        ram: 0x2000_0000,
        ram_kib: 4096,
        arena_kib: 48,
        clock_khz: 25_000,
    },
    Board {
        target: "thumbv8m.main-none-eabi",
        machine: "mps2-an521",
        flash: 0x1000_0000,
        flash_kib: 4096,
        ram: 0x3800_0000,
        ram_kib: 2048,
        arena_kib: 48,
        clock_khz: 20_000,
    },
];

impl Board {
    pub fn of_target(target: &str) -> &'static Self {
        let board = BOARDS.iter().find(|board| board.target == target);
        board.unwrap_or_else(|| panic!("no board has the target {target}"))
    }

    /// The memory layout for the linker script of `cortex-m-rt`.
    pub fn memory(&self) -> String {
        let Self { machine, flash, flash_kib, ram, ram_kib, .. } = self;
        format!(
            "/* QEMU's {machine}. */\nMEMORY\n{{\n  FLASH : ORIGIN = {flash:#010x}, LENGTH = {flash_kib}K\n  \
             RAM   : ORIGIN = {ram:#010x}, LENGTH = {ram_kib}K\n}}\n"
        )
    }

    /// Rust constants for the firmware.
    pub fn constants(&self) -> String {
        let Self { machine, arena_kib, clock_khz, .. } = self;
        format!(
            "/// The heap's size on this board, QEMU's {machine}.\npub const ARENA_BYTES: usize = {arena_kib} * 1024;\n\
             /// What SysTick counts.\npub const CLOCK_KHZ: u32 = {clock_khz};\n"
        )
    }
}
