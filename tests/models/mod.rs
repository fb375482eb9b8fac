//! Invariants of served networks for any weights. One table of networks, a file for each property.

mod half;
mod memory;
mod networks;
mod pocket_in_half;
mod properties;
mod requests;
