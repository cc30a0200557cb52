//! People talk at random; nothing harmful may happen unasked.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::bodies::conversation(data));
