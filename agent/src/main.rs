//! The program `atoll`; everything is in the library, so that tests use what people use.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::app::memory::keep_heaps_few();
    agent::cli::main()
}
