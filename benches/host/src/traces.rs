//! The traces of `benches/traces`, as arrays.

use memory::op::{Kind, Op};
use memory::workload;

pub struct Ops {
    pub name: String,
    pub ops: Vec<Op>,
    pub slots: usize,
    /// One for each op, and a release for each block that lives at the end.
    pub calls: usize,
}

/// Every committed trace whose name is wanted, by name; all of them if none is named.
///
/// # Errors
/// A sentence, if a name is not there.
pub fn load(names: &[String]) -> Result<Vec<Ops>, String> {
    let mut all: Vec<Ops> = workload::traces()
        .map(|(name, trace)| {
            let ops: Vec<Op> = trace.events.into_iter().map(Op::from).collect();
            let of = |kinds: &[Kind]| ops.iter().filter(|op| kinds.contains(&op.kind())).count();
            let left = of(&[Kind::Alloc, Kind::AllocZeroed]) - of(&[Kind::Dealloc]);
            Ops { name, calls: ops.len() + left, ops, slots: trace.slots as usize }
        })
        .collect();
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|trace| trace.name == **name)) {
        return Err(format!("there is no trace {unknown}"));
    }
    all.retain(|trace| names.is_empty() || names.contains(&trace.name));
    Ok(all)
}
