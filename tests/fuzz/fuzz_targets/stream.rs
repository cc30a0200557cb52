//! Whatever a server may say to the component.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::bodies::stream(data));
