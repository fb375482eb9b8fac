//! Command `riveg view`: its page over HTTP, from a file and from topics. `make page` tests the same in a browser.

mod access;
mod file;
mod page;
mod topics;
