//! JPEG: the structure of the file, whether its scans are whole, and its pixels.

mod errors;
mod pixels;
mod scan;
mod structure;

pub(super) use pixels::{JpegFault, pixels, size};
pub(super) use structure::{Flaw, Structure, structure};
