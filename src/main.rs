//! The `riveg` command.

fn main() {}
