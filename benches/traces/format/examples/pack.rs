//! Packs what `record.mjs` wrote: `pack OUT_DIRECTORY RECORDS...`, and prints what each trace holds.

use larder_trace::{Recorder, Trace};
use std::path::{Path, PathBuf};

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let out = arguments.next().expect("a directory for the traces");
    println!("{:20} {:>8} {:>7} {:>9} {:>7}", "trace", "events", "blocks", "peak", "file");
    arguments.for_each(|records| pack(&records, &out));
}

fn pack(records: &Path, out: &Path) {
    let bytes = std::fs::read(records).expect("the records can be read");
    let words = bytes.chunks_exact(20).map(|record| {
        core::array::from_fn(|word| u32::from_le_bytes(record[word * 4..][..4].try_into().expect("four bytes")))
    });
    let trace = Recorder::from_records(words).expect("only known blocks are freed");
    let file = trace.encode();
    assert_eq!(Trace::decode(&file).as_ref(), Ok(&trace));
    let name = records.file_stem().expect("NAME.records");
    println!(
        "{:20} {:>8} {:>7} {:>9} {:>7}",
        name.display(),
        trace.events.len(),
        trace.slots,
        trace.peak_bytes,
        file.len()
    );
    std::fs::write(out.join(name).with_extension("trace"), file).expect("the trace can be written");
}
