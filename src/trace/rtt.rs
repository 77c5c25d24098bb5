//! A block in memory that a debug probe finds and reads while the program runs.

use super::{RECORD_BYTES_MAX, Trace};
use crate::sync::{AtomicU32, Ordering::*, StoredU32};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
// Only loaded and stored.
use core::sync::atomic::AtomicPtr;

/// `SEGGER RTT` and zeroes, as words of a little-endian target. In one piece, the text could be found in flash.
const ID: [u32; 4] = [u32::from_le_bytes(*b"SEGG"), u32::from_le_bytes(*b"ER R"), u32::from_le_bytes(*b"TT\0\0"), 0];

// The shortest channel has room for every record.
const _: () = assert!(RECORD_BYTES_MAX < 128);

/// What the channel is called.
const NAME: &core::ffi::CStr = c"larder";

/// A trace's way through a debug probe, by the convention of SEGGER's Real Time Transfer, which J-Link, OpenOCD and
/// probe-rs follow: a block of memory with a channel of `BYTES` bytes, which the probe finds and empties while the
/// program runs. Nothing waits: what the probe has not fetched yet stays in the [`Trace`].
///
/// Call [`send`](Rtt::send) where there is time, such as the idle loop. A program that has such a block already, of
/// `defmt-rtt` for one, has no second: there, write what [`Trace::read`] returns to a channel of that.
///
/// | word | written by | ordering, and what it pairs with |
/// |---|---|---|
/// | the block's description | the first `send`, the text by which the probe finds it last | Release: a probe that finds the text finds the rest |
/// | `written` | `send` | Release: a probe that sees it sees the bytes before it |
/// | `read` | the probe | Acquire: the bytes before it are no longer looked at |
/// | `sending` | `send` | Acquire and Release: one at a time, each of which sees what the one before did |
///
/// ```
/// use larder::trace::{Event, Origin, Rtt, Trace};
///
/// static TRACE: Trace<256> = Trace::new();
/// static RTT: Rtt<1024> = Rtt::new();
///
/// TRACE.record(&Event::Alloc { address: 0x2000_0100, size_bytes: 24, align_bytes: 8 }, Origin::NONE);
/// assert_eq!(RTT.send(&TRACE), 12); // bytes that the probe can have from now on
/// ```
#[repr(C)]
pub struct Rtt<const BYTES: usize> {
    id: [StoredU32; 4],
    up_channels: StoredU32,
    down_channels: StoredU32,
    name: AtomicPtr<u8>,
    buffer: AtomicPtr<u8>,
    buffer_bytes: StoredU32,
    written: StoredU32,
    read: StoredU32,
    /// 0: what does not fit is left out.
    flags: StoredU32,
    bytes: UnsafeCell<[u8; BYTES]>,
    sending: AtomicU32,
}

// As probes expect it on 32-bit targets.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Rtt<64>, up_channels) == 16 && offset_of!(Rtt<64>, name) == 24);
    assert!(offset_of!(Rtt<64>, written) == 36 && offset_of!(Rtt<64>, flags) == 44);
};

// SAFETY: the bytes between `written` and `read` are written by the context that has `sending` alone, and read by the
// probe alone, which is told by `written`.
unsafe impl<const BYTES: usize> Sync for Rtt<BYTES> {}

impl<const BYTES: usize> Default for Rtt<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize> Rtt<BYTES> {
    /// A block that no probe finds before the first [`send`](Self::send): all zeros, so it costs no flash.
    ///
    /// `BYTES` is 128 to 16 MiB: longer, where a probe comes by less often.
    pub const fn new() -> Self {
        const {
            assert!(BYTES >= 128, "larder: a probe's channel has at least 128 bytes");
            assert!(BYTES <= 1 << 24, "larder: a probe's channel has at most 16 MiB");
        }
        Self {
            id: [const { StoredU32::new(0) }; 4],
            up_channels: StoredU32::new(0),
            down_channels: StoredU32::new(0),
            name: AtomicPtr::new(null_mut()),
            buffer: AtomicPtr::new(null_mut()),
            buffer_bytes: StoredU32::new(0),
            written: StoredU32::new(0),
            read: StoredU32::new(0),
            flags: StoredU32::new(0),
            bytes: UnsafeCell::new([0; BYTES]),
            sending: AtomicU32::new(0),
        }
    }

    /// Moves whole records from the trace to the channel, as many as there is room for, and returns the number of their
    /// bytes. 0 as well while another context sends.
    ///
    /// Time: O(bytes).
    pub fn send<const WORDS: usize>(&'static self, trace: &Trace<WORDS>) -> usize {
        // Acquire: pairs with the Release below.
        if self.sending.swap(1, Acquire) != 0 {
            return 0;
        }
        self.describe();
        let mut record = [0; RECORD_BYTES_MAX];
        let mut sent = 0;
        loop {
            let room = self.room().min(RECORD_BYTES_MAX);
            let len = trace.read(&mut record[..room]);
            if len == 0 {
                break;
            }
            self.put(&record[..len]);
            sent += len;
        }
        // Release: pairs with the Acquire above.
        self.sending.store(0, Release);
        sent
    }

    /// Says what the block is, once.
    fn describe(&'static self) {
        if self.id[0].load(Relaxed) == ID[0] {
            return;
        }
        self.up_channels.store(1, Relaxed);
        self.name.store(NAME.as_ptr().cast::<u8>().cast_mut(), Relaxed);
        self.buffer.store(self.bytes.get().cast(), Relaxed);
        self.buffer_bytes.store(BYTES as u32, Relaxed);
        for (word, text) in self.id.iter().zip(ID).rev() {
            // Release: a probe that finds the first word finds the rest.
            word.store(text, Release);
        }
    }

    /// How many bytes fit. One always stays free: a channel whose two offsets are the same is empty.
    fn room(&self) -> usize {
        // Acquire: what the probe has read may be overwritten.
        let (written, read) = (self.written.load(Relaxed) as usize, self.read.load(Acquire) as usize);
        // A probe that writes nonsense gets nothing.
        if read >= BYTES { 0 } else { (read + BYTES - written - 1) % BYTES }
    }

    /// Appends bytes, for which there is room.
    fn put(&self, bytes: &[u8]) {
        let mut at = self.written.load(Relaxed) as usize;
        for &byte in bytes {
            // SAFETY: inside the buffer; the probe does not look at what is not written yet.
            unsafe { self.bytes.get().cast::<u8>().add(at).write(byte) };
            at = (at + 1) % BYTES;
        }
        // Release: a probe that sees this sees the bytes.
        self.written.store(at as u32, Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::*;
    use crate::trace::{Event, Origin, decode};
    use std::boxed::Box;
    use std::vec::Vec;

    /// What a probe does: looks for the text, then fetches what is there, at most `most` bytes.
    fn fetch<const BYTES: usize>(rtt: &Rtt<BYTES>, most: usize, out: &mut Vec<u8>) {
        let id: Vec<u8> = rtt.id.iter().flat_map(|word| word.load(Acquire).to_le_bytes()).collect();
        assert_eq!(&id, b"SEGGER RTT\0\0\0\0\0\0");
        assert_eq!((rtt.up_channels.load(Relaxed), rtt.down_channels.load(Relaxed)), (1, 0));
        assert_eq!(rtt.buffer_bytes.load(Relaxed) as usize, BYTES);
        let (written, mut read) = (rtt.written.load(Acquire) as usize, rtt.read.load(Relaxed) as usize);
        for _ in 0..most {
            if read == written {
                break;
            }
            // SAFETY: inside the buffer that the block names.
            out.push(unsafe { rtt.buffer.load(Relaxed).add(read).read() });
            read = (read + 1) % BYTES;
        }
        rtt.read.store(read as u32, Release);
    }

    #[test]
    fn a_probe_gets_every_record_in_order() {
        let (rtt, trace) = (Box::leak(Box::new(Rtt::<128>::new())), Trace::<1024>::new());
        let mut random = fastrand::Rng::with_seed(1);
        let (mut bytes, mut recorded) = (Vec::new(), Vec::new());
        for at in 1..=500 {
            let event = Event::Alloc { address: at * 8, size_bytes: random.usize(1..5000), align_bytes: 8 };
            let origin = if random.bool() { Origin { site: Some(at), ..Origin::NONE } } else { Origin::NONE };
            assert!(trace.record(&event, origin));
            recorded.push((Some(event), origin.site));
            rtt.send(&trace);
            assert!(rtt.room() < 127, "nothing was sent");
            fetch(rtt, random.usize(0..40), &mut bytes);
        }
        while rtt.send(&trace) != 0 || rtt.room() != 127 {
            fetch(rtt, 127, &mut bytes);
        }
        let mut decoded = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (record, len) = decode(rest).unwrap();
            decoded.push((record.event, record.origin.site));
            rest = &rest[len..];
        }
        assert_eq!(decoded, recorded);
    }

    #[test]
    fn a_probe_that_does_not_come_loses_nothing_that_the_trace_has_room_for() {
        let (rtt, trace) = (Box::leak(Box::new(Rtt::<128>::new())), Trace::<256>::new());
        let event = Event::Alloc { address: 8, size_bytes: 8, align_bytes: 8 };
        let mut recorded = 0;
        while trace.record(&event, Origin::NONE) {
            recorded += 1;
            rtt.send(&trace);
        }
        let mut bytes = Vec::new();
        let mut sent = 1;
        while sent != 0 {
            fetch(rtt, 128, &mut bytes);
            sent = rtt.send(&trace);
        }
        fetch(rtt, 128, &mut bytes);
        let events = core::iter::from_fn({
            let mut rest = &bytes[..];
            move || {
                let (record, len) = decode(rest).ok()?;
                rest = &rest[len..];
                record.event
            }
        });
        let (lost, kept): (Vec<_>, Vec<_>) = events.partition(|event| matches!(event, Event::Gap { .. }));
        assert_eq!((kept.len(), lost), (recorded, std::vec![Event::Gap { events: 1 }]));
    }

    #[test]
    fn an_offset_that_can_not_be_stops_the_channel_alone() {
        let (rtt, trace) = (Box::leak(Box::new(Rtt::<128>::new())), Trace::<64>::new());
        assert!(trace.record(&Event::Gap { events: 1 }, Origin::NONE));
        rtt.read.store(u32::MAX, Relaxed);
        assert_eq!(rtt.send(&trace), 0);
        rtt.read.store(0, Relaxed);
        assert_ne!(rtt.send(&trace), 0);
    }
}
