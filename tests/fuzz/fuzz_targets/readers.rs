//! Any text, read by every reader of the grammar.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::bodies::readers(data));
