//! `atoll completions` and `atoll man`: what shells and manual readers want to know of the command line, made from its declaration.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;

use super::{command, print};

/// Write completions for a shell.
#[derive(Args)]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

/// Write the manual page, or all of them into a folder.
#[derive(Args)]
pub(super) struct Man {
    /// A folder for one page a verb: atoll.1, atoll-run.1 and so on.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// To standard output.
pub(super) fn completions(Completions { shell }: &Completions) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(*shell, &mut command(), "atoll", &mut text);
    print(&String::from_utf8(text).context("completions are text")?)
}

/// To standard output, or into files.
pub(super) fn man(Man { out }: &Man) -> anyhow::Result<()> {
    match out {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            clap_mangen::generate_to(command(), folder).with_context(|| folder.display().to_string())
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(command()).render(&mut text)?;
            print(&String::from_utf8(text).context("a manual page is text")?)
        }
    }
}
