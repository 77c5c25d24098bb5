//! What the crates get that ask for random numbers: the same ones at every recording.

/// For getrandom 0.2.
fn fixed(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at as u8).wrapping_mul(167).wrapping_add(13));
    Ok(())
}

getrandom::register_custom_getrandom!(fixed);

/// For getrandom 0.3 with `--cfg getrandom_backend="custom"`. Its error type is not nameable here; 0 is success.
///
/// # Safety
/// `start..start + bytes` is writable.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(start: *mut u8, bytes: usize) -> u32 {
    // SAFETY: the caller's contract; zeroing first makes the bytes initialised.
    let bytes = unsafe {
        start.write_bytes(0, bytes);
        core::slice::from_raw_parts_mut(start, bytes)
    };
    u32::from(fixed(bytes).is_err())
}
