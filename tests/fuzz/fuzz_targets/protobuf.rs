//! The target `protobuf` for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::protobuf(input));
