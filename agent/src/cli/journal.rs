//! `atoll journal`: looks at the journal, whoever works on the store; and what may be done to it while nobody does.

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use grammar::size::Bytes;
use jiff::SignedDuration;

use super::{Where, print, span};
use crate::config::Config;
use crate::error::IN_USE;
use crate::state::journal::{Compacted, Journal};
use crate::state::lock::{Holder, LockError, StoreLock};

mod show;

/// Look at the journal.
#[derive(Subcommand)]
pub(super) enum Look {
    /// Check the chain of its lines, and say where it does not hold.
    Verify(Where),
    Show(show::Show),
    Compact(Compact),
    /// Write down that you have looked at what is wrong, so that it is no alarm any more; the agent has to be stopped for it.
    Accept(Where),
}

/// Let go of lines older than the configuration keeps, once all facts in them that hold are written anew; the agent has to be stopped
/// for it.
#[derive(Args)]
pub(super) struct Compact {
    #[command(flatten)]
    place: Where,
    /// How long lines are kept, instead of what the configuration says: 12h, 7d, 2w.
    #[arg(long, value_parser = span)]
    keep: Option<SignedDuration>,
}

/// Looks and writes nothing, or writes down what was looked at.
pub(super) fn look(asked: &Look) -> anyhow::Result<ExitCode> {
    match asked {
        Look::Verify(place) => verify(place),
        Look::Show(asked) => show::show(asked).map(|()| ExitCode::SUCCESS),
        Look::Compact(asked) => compact(asked),
        Look::Accept(place) => accept(place),
    }
}

fn compact(Compact { place, keep }: &Compact) -> anyhow::Result<ExitCode> {
    let config = Config::read(&place.config)?;
    let Some(keep) = keep.or_else(|| config.store.keep()) else {
        print("every line is kept (keep_days = 0 under [store]); say --keep 90d to let go of older ones\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let lock = match StoreLock::take(&config.store.path, "journal compact") {
        Ok(lock) => lock,
        Err(LockError::Held { holder, .. }) => {
            let who = holder.as_ref().map_or_else(|| "another process".to_owned(), Holder::to_string);
            eprintln!("atoll: the journal can't be compacted while {who} writes it: end that first");
            return Ok(ExitCode::from(IN_USE));
        }
        Err(error) => return Err(error.into()),
    };
    let file = config.store.path.join("journal.jsonl");
    let text = match Journal::compact(&lock, keep)? {
        None => "nothing is older than is kept".to_owned(),
        Some(Compacted { gone, facts, begun, aside, bytes: (before, after) }) => {
            let begun = if begun == 0 { String::new() } else { format!(" and {begun} ops that nobody saw end") };
            let aside = aside.map(|aside| format!(", what can't be read is in {aside}")).unwrap_or_default();
            let (before, after) = (Bytes(before), Bytes(after));
            format!(
                "{gone} lines let go, {facts} facts of them{begun} written anew{aside}; {before} before, {after} now"
            )
        }
    };
    print(&format!("{}: {text}\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
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
