//! `atoll explain`: what would be understood and done; nothing is.

use std::io::BufReader;

use clap::Args;
use dialogue::spec::Scope;

use super::{ModelPlace, now, print};
use crate::measure::explain::{self, Question};

/// Show what would be understood and done; nothing is.
#[derive(Args)]
pub(super) struct Explain {
    /// What is said.
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    text: Option<String>,
    /// Read questions from standard input, one JSON object a line, and write an explanation a line.
    #[arg(long)]
    jsonl: bool,
    /// To whom it is said: machine, host or desk.
    #[arg(long, default_value = "machine", value_parser = scope)]
    to: Scope,
    #[command(flatten)]
    model: ModelPlace,
}

/// Explains one text, or a line each.
pub(super) fn explain(Explain { text, to, model, .. }: Explain) -> anyhow::Result<()> {
    let nlu = model.nlu()?;
    let now = now(&jiff::tz::TimeZone::system());
    match text {
        Some(text) => {
            let explained = explain::explain(&nlu, &Question { text, to, machines: None }, &now);
            print(&(serde_json::to_string_pretty(&explained)? + "\n"))
        }
        None => Ok(explain::batch(&nlu, BufReader::new(std::io::stdin()), std::io::stdout().lock(), &now)?),
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "machine" => Ok(Scope::Machine),
        "host" => Ok(Scope::Host),
        "desk" => Ok(Scope::Desk),
        other => Err(format!("{other} is none of machine, host, desk")),
    }
}
