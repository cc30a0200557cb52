//! `atoll converse`: whole conversations with the bot over a host in memory.

use std::io::BufReader;
use std::sync::Arc;

use clap::Args;

use super::ModelPlace;
use crate::measure::converse;

/// Hold conversations over a host in memory, for measurements: a world and what is said in, a line each; what comes of it out.
#[derive(Args)]
pub(super) struct Converse {
    /// Read the world and what is said from standard input, one JSON object a line, and write what comes of each.
    #[arg(long, required = true)]
    jsonl: bool,
    #[command(flatten)]
    model: ModelPlace,
}

/// Talks until the end of input.
pub(super) fn converse(Converse { model, .. }: &Converse) -> anyhow::Result<()> {
    let nlu = Arc::new(model.nlu()?);
    Ok(converse::batch(&nlu, BufReader::new(std::io::stdin()), std::io::stdout().lock())?)
}
