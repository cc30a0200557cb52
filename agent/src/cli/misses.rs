//! `atoll misses`: what was not understood, as far as the configuration has it kept.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{Where, span};
use crate::config::Config;
use crate::nlu::misses;

/// List what was not understood, as far as the configuration has it kept.
#[derive(Args)]
pub(super) struct Misses {
    #[command(flatten)]
    place: Where,
    /// As JSON, one object a line.
    #[arg(long)]
    jsonl: bool,
    /// Only those of the last hours, days or weeks: 12h, 7d, 2w.
    #[arg(long, value_parser = span)]
    since: Option<SignedDuration>,
}

/// Lists them; only read, whoever works on the store.
pub(super) fn list(Misses { place, jsonl, since }: &Misses) -> anyhow::Result<()> {
    let path = place.config.as_path();
    let config = Config::read(path)?;
    let mut misses = misses::read(&config.store.path).context("what was not understood can't be read")?;
    let keep = since.map_or(config.misses.days(), |since| since.min(config.misses.days()));
    let now = Timestamp::now();
    misses.retain(|miss| now.duration_since(miss.at) <= keep);
    let mut out = std::io::stdout().lock();
    if *jsonl {
        for miss in &misses {
            serde_json::to_writer(&mut out, miss)?;
            out.write_all(b"\n")?;
        }
    } else if !misses.is_empty() {
        let book = dialogue::book::Book::load(crate::skills::specs(), &crate::nlu::corpus())?;
        out.write_all(misses::report(&misses, &book, &crate::nlu::corpus()).as_bytes())?;
    }
    if !config.misses.keep {
        let path = path.display();
        eprintln!("Nothing is written down: set keep = true under [misses] in {path}, and start the agent again.");
    } else if misses.is_empty() {
        eprintln!("Nothing has been misunderstood in that time, or nobody has spoken.");
    }
    Ok(())
}
