//! Command `riveg view`: its page over HTTP, from a file, from topics, and beside engines; and in a browser, which `make page`
//! tests at length.

mod access;
mod browser;
mod engines;
mod file;
mod page;
mod topics;
