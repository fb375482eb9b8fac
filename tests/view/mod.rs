//! Command `riveg view`: its page over HTTP, from a file, from topics, and beside engines. `make page` tests the same in a
//! browser.

mod access;
mod engines;
mod file;
mod page;
mod topics;
