//! Safe pickle reader that calls nothing. Protocols 2 to 5, as torch writes them.
//!
//! Python's own reader imports whatever a pickle names and calls it. This one knows a fixed set of names: containers,
//! tensors, storages. Calls of these are worked out here; any other name is an error before anything comes of it. What
//! a file builds lies in one list and refers by number, so neither reading nor dropping it recurses.

mod machine;

mod scalars;
mod containers;
mod globals;
mod call;

mod value;

use std::io::Read;

use super::CheckpointError;
use super::input::Input;
use machine::Machine;

pub(super) use globals::Foreign;
pub(super) use value::{Object, Pickled, Storage, Value, View};

/// The longest pickle that is read. Those of published checkpoints, optimizer state included, are below 2 MiB.
pub(super) const LONGEST: u64 = 64 << 20;

/// Reads one pickle from its first byte to its last.
pub(super) fn read<R: Read>(input: &mut Input<'_, R>, foreign: Foreign) -> Result<Pickled, CheckpointError> {
    Machine::new(input, foreign).run()
}

#[cfg(test)]
mod tests;
