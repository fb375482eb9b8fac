//! The target `html` for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::html(input));
