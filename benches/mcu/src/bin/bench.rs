//! Runs every workload on one allocator and prints a line of JSON for each.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use larder_bench_mcu::{count, heap, report, workloads, workloads::Counted};

#[global_allocator]
static COUNTED: Counted = Counted;

#[entry]
fn main() -> ! {
    count::start();
    count::calibrate();
    report::remark(format_args!(
        "{{\"allocator\":\"{}\",\"lock\":\"{}\",\"heap_bytes\":{}}}",
        heap::NAME,
        heap::LOCK,
        size_of_val(&heap::HEAP)
    ));
    // SAFETY: once, before anything has been allocated.
    unsafe { workloads::run_all() };
    finish(EXIT_SUCCESS)
}

fn finish(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    report::remark(format_args!("{info}"));
    finish(EXIT_FAILURE)
}

#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    report::remark(format_args!("hard fault at {:#010x}, returning to {:#010x}", frame.pc(), frame.lr()));
    finish(EXIT_FAILURE)
}
