//! The target `avro` for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::avro(input));
