//! Whatever rooms and their services claim.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::bodies::rooms(data));
