//! An interrupt at a chosen instruction of a call.
//!
//! The emulator's clock counts instructions: each takes 128 ns. A timer that is set right before a call fires as many
//! instructions later as it was told, to the instruction, which [`calibrate`] proves at each start on a row of `nop`s: the
//! interrupt has to come before each of them in turn.
//!
//! *Position* p of a call: before its instruction number p, counted from 0, the return included. A call of so many instructions has
//! as many positions.

use core::arch::global_asm;

use cortex_m::peripheral::{Peripherals, scb::SystemHandler};
use larder_cortex_m::board::CLOCK_KHZ;

use crate::shared::Shared;

const NANOSECONDS_AN_INSTRUCTION: u64 = 128;

const SYST_CSR: usize = 0xE000_E010;
const SYST_RVR: usize = 0xE000_E014;
const SYST_CVR: usize = 0xE000_E018;
const SYST_MAX: u32 = 0x00FF_FFFF;
const SYST_COUNTS: u32 = 0b101;
const SYST_COUNTS_AND_INTERRUPTS: u32 = 0b111;

/// ARM's CMSDK watchdog as the MPS2 boards have it: its interrupt is the NMI.
const WATCHDOG_LOAD: usize = 0x4000_8000;
const WATCHDOG_CONTROL: usize = 0x4000_8008;
const WATCHDOG_INTERRUPTS: u32 = 1;
const WATCHDOG_CLEAR: usize = 0x4000_800C;

/// Where a tick is no whole number of nanoseconds, the emulator's timer is a little more than a tick early. An instruction takes two
/// ticks there, which leaves room.
const EARLY_TICKS: u32 = if 1_000_000 % CLOCK_KHZ == 0 { 0 } else { 1 };

const NMI_EXCEPTION: u32 = 2;

/// Between setting the timer and the call's first instruction there are some more.
const LEAD_GUESS: u32 = 80;

/// A value for a timer's register.
#[repr(C)]
struct Store(usize, u32);

/// What is set before the call, read after it, and then stopped. Known to the assembler.
#[repr(C)]
struct Setting {
    stores: [Store; 4],
    counter: usize,
    stop: usize,
}

global_asm!(
    // call_trapped(a0, a1, a2, a3, function, &Setting) -> function(a0, a1, a2, a3), counter
    ".section .text.call_trapped,\"ax\"",
    ".global call_trapped",
    ".thumb_func",
    "call_trapped:",
    "push {{r4, r5, r6, r7, lr}}",
    "ldr r4, [sp, #20]",
    "ldr r5, [sp, #24]",
    ".rept 4",
    "ldmia r5!, {{r6, r7}}",
    "str r7, [r6]",
    ".endr",
    // The watchdog goes on after it has barked: its period has to be longer than the handler takes to silence it.
    ".rept 60",
    "nop",
    ".endr",
    "blx r4",
    "ldmia r5!, {{r6, r7}}",
    "ldr r1, [r6]",
    "movs r6, #0",
    "str r6, [r7]",
    "pop {{r4, r5, r6, r7, pc}}",
    // SysTick and NonMaskableInt: trapped(frame, SysTick's counter, the exception's number)
    ".section .text.trap,\"ax\"",
    ".global SysTick",
    ".thumb_func",
    "SysTick:",
    ".global NonMaskableInt",
    ".thumb_func",
    "NonMaskableInt:",
    "ldr r1, =0xE000E018",
    "ldr r1, [r1]",
    "mrs r2, IPSR",
    "mov r0, sp",
    "push {{r4, lr}}",
    "bl trapped",
    "pop {{r4, pc}}",
    ".ltorg",
);

global_asm!(
    // A row of instructions that do nothing, and a return.
    ".section .text.sled,\"ax\"",
    ".global sled",
    ".thumb_func",
    "sled:",
    ".rept 1000",
    "nop",
    ".endr",
    "bx lr",
);
/// How many, and how many bytes each takes.
const SLED_NOPS: u32 = 1000;
const NOP_BYTES: u32 = 2;

unsafe extern "C" {
    fn sled();
    fn call_trapped(a0: usize, a1: usize, a2: usize, a3: usize, function: *const (), setting: *const Setting) -> u64;
}

/// A call of a C function of up to four words.
#[derive(Clone, Copy)]
pub struct Call {
    pub function: *const (),
    pub arguments: [usize; 4],
}

/// Where an interrupt came.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Landing {
    /// The instruction before which it came.
    pub address: u32,
    /// That instruction's number in the call. More than the trap was set to when the interrupt was masked there.
    pub position: u32,
}

/// What sets the trap off.
#[derive(Clone, Copy, PartialEq)]
pub enum Source {
    /// The exception SysTick, at this priority: the lower, the more urgent.
    SysTick(u8),
    /// The watchdog of the MPS2 boards, whose interrupt nothing masks.
    Nmi,
}

/// The handler's work.
pub type Handler = fn(Landing);

/// A timer, calibrated.
pub struct Trap {
    source: Source,
    /// Instructions from the setting to the reading, without the call.
    overhead: u32,
    /// Instructions from the setting to the call's first.
    lead: u32,
    /// Instructions from the interrupted one to the handler's reading.
    prompt: u32,
}

/// What the handlers have to know.
struct Handling {
    tick: Handler,
    nmi: Handler,
    lines: [fn(); 2],
    /// What the timer had counted when it began to count what the handler reads.
    ticks: u32,
    /// What comes before and after the call's own instructions.
    extra: u32,
    /// Whether the NMI is the watchdog's.
    barks: bool,
}

/// Changed by main while no timer runs, and by the tick's handler; read by the handlers.
static HANDLING: Shared<Handling> =
    Shared::new(Handling { tick: |_| (), nmi: |_| (), lines: [|| (); 2], ticks: 0, extra: 0, barks: false });

/// Where the calibration's last interrupt came.
static CALIBRATION: Shared<Landing> = Shared::new(Landing { address: 0, position: 0 });

impl Trap {
    /// Sets a timer up, and proves that it can be relied on.
    ///
    /// # Panics
    ///
    /// When an interrupt does not come where it should.
    pub fn calibrate(source: Source) -> Self {
        if let Source::SysTick(priority) = source {
            set_priority(priority);
        }
        let mut trap = Self { source, overhead: 0, lead: LEAD_GUESS, prompt: 0 };
        trap.overhead = trap.measure(&sled_of(0)).1 - 1;
        for nops in 0..=SLED_NOPS {
            assert_eq!(trap.measure(&sled_of(nops)).1, nops + 1, "a row of nops is counted wrong");
        }
        let middle = SLED_NOPS / 2;
        let guess = trap.rehearse(middle);
        trap.lead = LEAD_GUESS + middle - guess.0;
        trap.prompt = guess.1 + LEAD_GUESS - trap.lead - guess.0;
        for position in 0..=SLED_NOPS {
            assert_eq!(trap.rehearse(position), (position, position), "an interrupt came somewhere else");
        }
        trap
    }

    /// Where in a row of `nop`s the interrupt comes, by its address and by the timer.
    fn rehearse(&self, position: u32) -> (u32, u32) {
        let take_down = |landing| {
            // SAFETY: read only when the timer is stopped.
            unsafe { CALIBRATION.with(|last| *last = landing) }
        };
        let row = sled_of(SLED_NOPS);
        self.spring(&row, position, take_down);
        // SAFETY: the timer is stopped.
        let Landing { address, position } = unsafe { CALIBRATION.with(|last| *last) };
        (address.wrapping_sub(row.function.addr() as u32 & !1) / NOP_BYTES, position)
    }

    /// Makes a call, undisturbed. Returns its result and how many instructions it took, with its return.
    pub fn measure(&self, call: &Call) -> (usize, u32) {
        let stores = [Store(SYST_CSR, 0), Store(SYST_RVR, SYST_MAX), Store(SYST_CVR, 0), Store(SYST_CSR, SYST_COUNTS)];
        let (result, counter) = run(call, &Setting { stores, counter: SYST_CVR, stop: SYST_CSR });
        (result, instructions(SYST_MAX - counter + 1) - self.overhead)
    }

    /// Makes a call with an interrupt at one of its positions. Returns its result.
    ///
    /// At a position beyond its end the interrupt may still come, in the few instructions until the timer is stopped, or not at all.
    pub fn spring(&self, call: &Call, position: u32, handler: Handler) -> usize {
        let ticks = ticks(position + self.lead);
        let (stores, stop, counted) = match self.source {
            Source::SysTick(_) => (Self::tick_after(ticks), SYST_CSR, ticks),
            Source::Nmi => (Self::bark_after(ticks), WATCHDOG_CONTROL, 1),
        };
        // SAFETY: no timer runs.
        unsafe {
            HANDLING.with(|it| {
                (it.ticks, it.extra) = (counted, self.lead + self.prompt);
                it.barks = self.source == Source::Nmi;
                match self.source {
                    Source::SysTick(_) => it.tick = handler,
                    Source::Nmi => it.nmi = handler,
                }
            });
        }
        run(call, &Setting { stores, counter: SYST_CVR, stop }).0
    }

    fn tick_after(ticks: u32) -> [Store; 4] {
        [
            Store(SYST_RVR, ticks),
            Store(SYST_CVR, 0),
            Store(SYST_CSR, SYST_COUNTS_AND_INTERRUPTS),
            // From when it fires on, it counts how late the handler is.
            Store(SYST_RVR, SYST_MAX),
        ]
    }

    fn bark_after(ticks: u32) -> [Store; 4] {
        // SAFETY: SysTick is this module's, and does not interrupt like this.
        unsafe {
            (SYST_CSR as *mut u32).write_volatile(0);
            (SYST_RVR as *mut u32).write_volatile(SYST_MAX);
            (SYST_CVR as *mut u32).write_volatile(0);
            (SYST_CSR as *mut u32).write_volatile(SYST_COUNTS);
        }
        [
            Store(WATCHDOG_CLEAR, 0),
            Store(WATCHDOG_LOAD, ticks),
            Store(SYST_CVR, 0),
            Store(WATCHDOG_CONTROL, WATCHDOG_INTERRUPTS),
        ]
    }
}

fn set_priority(priority: u8) {
    // SAFETY: no other code uses the system control block, and no handler relies on SysTick's priority.
    unsafe { Peripherals::steal().SCB.set_priority(SystemHandler::SysTick, priority) };
}

/// The last so many of the row.
fn sled_of(nops: u32) -> Call {
    let skipped_bytes = (SLED_NOPS - nops) * NOP_BYTES;
    Call { function: (sled as *const ()).wrapping_byte_add(skipped_bytes as usize), arguments: [0; 4] }
}

/// What to set the timer to, to interrupt after so many instructions.
fn ticks(instructions: u32) -> u32 {
    let nanoseconds = u64::from(instructions) * NANOSECONDS_AN_INSTRUCTION;
    (nanoseconds * u64::from(CLOCK_KHZ) / 1_000_000) as u32 + EARLY_TICKS
}

/// How many instructions it takes until the timer has counted so far.
fn instructions(ticks: u32) -> u32 {
    let picoseconds = u64::from(ticks - EARLY_TICKS) * 1_000_000_000 / u64::from(CLOCK_KHZ);
    picoseconds.div_ceil(NANOSECONDS_AN_INSTRUCTION * 1_000) as u32
}

fn run(call: &Call, setting: &Setting) -> (usize, u32) {
    let [a0, a1, a2, a3] = call.arguments;
    // SAFETY: whoever made the call promised that the function takes these; the registers belong to timers that are
    // this module's alone.
    let both = unsafe { call_trapped(a0, a1, a2, a3, call.function, setting) };
    (both as u32 as usize, (both >> 32) as u32)
}

/// SysTick counts instructions from now on, for [`between`].
pub fn start_counting() {
    // SAFETY: the timer is this module's.
    unsafe {
        (SYST_CSR as *mut u32).write_volatile(0);
        (SYST_RVR as *mut u32).write_volatile(SYST_MAX);
        (SYST_CVR as *mut u32).write_volatile(0);
        (SYST_CSR as *mut u32).write_volatile(SYST_COUNTS);
    }
}

/// SysTick's counter.
#[inline(always)]
pub fn reading() -> u32 {
    // SAFETY: reading it has no effect.
    unsafe { (SYST_CVR as *const u32).read_volatile() }
}

/// How many instructions lie between two readings less than a turn of the counter apart, the second one included.
pub fn between(start: u32, end: u32) -> u32 {
    // Each is a whole number since the counter was started, and so is a turn.
    let [start, end] = [start, end].map(|reading| instructions(SYST_MAX - reading + 1));
    let turn = instructions(SYST_MAX + 1 + EARLY_TICKS);
    if end >= start { end - start } else { end + turn - start }
}

/// Sets what an NMI does that the software raises.
pub fn on_nmi(handler: Handler) {
    // SAFETY: for main, while no timer runs.
    unsafe { HANDLING.with(|it| it.nmi = handler) };
}

/// Sets what the interrupts of lines 0 and 1 do, which the software raises.
pub fn on_lines(handlers: [fn(); 2]) {
    // SAFETY: for main, while no timer runs.
    unsafe { HANDLING.with(|it| it.lines = handlers) };
}

#[cortex_m_rt::exception]
unsafe fn DefaultHandler(line: i16) {
    // SAFETY: main changes it only while no timer runs, and nobody pends a line.
    let handler =
        unsafe { HANDLING.with(|it| usize::try_from(line).ok().and_then(|line| it.lines.get(line)).copied()) };
    match handler {
        Some(handler) => handler(),
        None => panic!("nobody asked for interrupt {line}"),
    }
}

/// Has a handler called so many instructions from now, without a call. Its landing has no position.
pub fn start_ticking(instructions: u32, handler: Handler) {
    // SAFETY: the timer is this module's, and does not run.
    unsafe {
        (SYST_RVR as *mut u32).write_volatile(ticks(instructions));
        (SYST_CSR as *mut u32).write_volatile(SYST_COUNTS_AND_INTERRUPTS);
    }
    spring_again(instructions, handler);
}

/// For the tick's handler: has another one called, as many instructions from now. Its landing has no position.
pub fn spring_again(instructions: u32, handler: Handler) {
    // SAFETY: the tick's handler does not interrupt itself, and NMI only reads what it does not change. The timer is this module's.
    unsafe {
        HANDLING.with(|it| it.tick = handler);
        (SYST_RVR as *mut u32).write_volatile(ticks(instructions));
        (SYST_CVR as *mut u32).write_volatile(0);
        cortex_m::asm::nop();
        // Not again in the middle of its own handler.
        (SYST_RVR as *mut u32).write_volatile(SYST_MAX);
    }
}

/// The tick's handler is not called any more.
pub fn disarm() {
    // SAFETY: the timer is this module's.
    unsafe { (SYST_CSR as *mut u32).write_volatile(0) };
}

fn silence_the_watchdog() {
    // SAFETY: the watchdog's registers, on a board that has it; they are this module's.
    unsafe {
        (WATCHDOG_CONTROL as *mut u32).write_volatile(0);
        (WATCHDOG_CLEAR as *mut u32).write_volatile(0);
    }
}

/// The handler of SysTick and NMI, called by the assembler with the exception's frame and number.
#[unsafe(no_mangle)]
extern "C" fn trapped(frame: *const [u32; 8], counter: u32, exception: u32) {
    // SAFETY: `HANDLING` says which context changes it when.
    let (barks, ticks, extra) = unsafe { HANDLING.with(|it| (it.barks, it.ticks, it.extra)) };
    // SAFETY: as above.
    let handler = unsafe { HANDLING.with(|it| if exception == NMI_EXCEPTION { it.nmi } else { it.tick }) };
    if barks {
        silence_the_watchdog();
    }
    // SAFETY: the processor put eight words there; the seventh is where it goes on.
    let address = unsafe { (*frame)[6] };
    let position = instructions(ticks + SYST_MAX - counter).wrapping_sub(extra);
    handler(Landing { address, position });
}
