//! A journal whose file was damaged in any way.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::bodies::journal(data));
