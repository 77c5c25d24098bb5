//! The committed traces, each with the memory to replay it.

use crate::allocators::ENTRIES;
use crate::op::Op;
use crate::room::{ARENA_ALIGN, GUARD_BYTES, Room};
use larder_trace::Trace;
use std::path::{Path, PathBuf};

/// A trace with the memory to replay it.
pub struct Workload {
    pub name: String,
    pub trace: Trace,
    pub room: Room,
}

/// Every committed trace, by name.
///
/// # Panics
/// If a file is not there or is no trace.
#[must_use]
pub fn load() -> Vec<Workload> {
    traces()
        .map(|(name, trace)| {
            let room = lay_out(&trace);
            Workload { name, trace, room }
        })
        .collect()
}

/// As above, without the memory.
pub fn traces() -> impl Iterator<Item = (String, Trace)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    let entries = std::fs::read_dir(&directory).expect("benches/traces is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "trace"));
    files.sort();
    files.into_iter().map(|path| {
        let trace = Trace::decode(&std::fs::read(&path).expect("a readable file")).expect("a valid trace");
        (path.file_stem().expect("NAME.trace").to_string_lossy().into_owned(), trace)
    })
}

/// Memory for a trace; leaked, since the program ends with its last replay.
fn lay_out(trace: &Trace) -> Room {
    let ops: &mut [Op] = trace.events.iter().map(|&event| event.into()).collect::<Vec<_>>().leak();
    let slots = vec![core::ptr::null_mut(); trace.slots as usize].leak();
    let place_bytes = ENTRIES.iter().map(|entry| entry.place_bytes).max().unwrap_or(0);
    let state = vec![0u128; place_bytes / 16 + 1].leak();
    let arena_limit = trace.peak_bytes as usize * 4 + (1 << 20);
    let memory = vec![0u8; arena_limit + 2 * ARENA_ALIGN + GUARD_BYTES].leak();
    let after_guard = memory.as_mut_ptr().wrapping_add(GUARD_BYTES);
    Room {
        ops: ops.as_ptr(),
        ops_len: ops.len(),
        slots: slots.as_mut_ptr(),
        slots_len: slots.len(),
        state: state.as_mut_ptr().cast(),
        arena: after_guard.wrapping_add(after_guard.align_offset(ARENA_ALIGN)),
        arena_limit,
    }
}
