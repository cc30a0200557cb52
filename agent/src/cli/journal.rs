//! `atoll journal`: looks at the journal, whoever works on the store.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Subcommand;

use super::{Where, print};
use crate::config::Config;
use crate::state::journal::Journal;
use crate::state::lock::StoreLock;

/// Look at the journal.
#[derive(Subcommand)]
pub(super) enum Look {
    /// Check the chain of its lines, and say where it does not hold.
    Verify(Where),
    /// Write down that you have looked at what is wrong, so that it is no alarm any more; the agent has to be stopped for it.
    Accept(Where),
}

/// Looks and writes nothing, or writes down what was looked at.
pub(super) fn look(asked: &Look) -> anyhow::Result<ExitCode> {
    match asked {
        Look::Verify(place) => verify(place),
        Look::Accept(place) => accept(place),
    }
}

fn accept(place: &Where) -> anyhow::Result<ExitCode> {
    let config = Config::read(&place.config)?;
    let damages = Journal::accept(&StoreLock::take(&config.store.path, "journal accept")?)?;
    let mut text: String = damages.iter().map(|damage| format!("  {damage}: accepted\n")).collect();
    if text.is_empty() {
        text = "there is nothing to accept\n".to_owned();
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn verify(place: &Where) -> anyhow::Result<ExitCode> {
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
    for damage in &verified.accepted {
        let _ = writeln!(text, "  {damage} (accepted)");
    }
    text += if verified.damages.is_empty() { "  the chain holds\n" } else { "" };
    print(&text)?;
    Ok(if verified.damages.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
