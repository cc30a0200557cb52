//! `atoll journal`: looks at the journal, whoever works on the store.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Subcommand;

use super::{Where, print};
use crate::config::Config;
use crate::journal::Journal;

/// Look at the journal.
#[derive(Subcommand)]
pub(super) enum Look {
    /// Check the chain of its lines, and say where it does not hold.
    Verify(Where),
}

/// Looks, and writes nothing.
pub(super) fn look(Look::Verify(place): &Look) -> anyhow::Result<ExitCode> {
    let config = Config::read(&place.config)?;
    let file = config.store.path.join("journal.jsonl");
    let Some(verified) = Journal::verify(&config.store.path)? else {
        print(&format!("{}: there is none yet\n", file.display()))?;
        return Ok(ExitCode::SUCCESS);
    };
    let mut text = format!("{}: {} lines\n", file.display(), verified.lines);
    for (damage, noted) in &verified.damages {
        let known = if *noted { " (the journal says so itself)" } else { "" };
        let _ = writeln!(text, "  {damage}{known}");
    }
    text += if verified.damages.is_empty() { "  the chain holds\n" } else { "" };
    print(&text)?;
    Ok(if verified.damages.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
