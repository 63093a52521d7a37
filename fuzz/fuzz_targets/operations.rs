#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hobnob_fuzz_properties::operations(data));
