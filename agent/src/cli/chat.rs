//! `atoll chat`: the conversation in a terminal, on the store of a configuration or, with `--uri`, on one that is thrown away.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use dialogue::spec::Role;

use super::{ModelPlace, Progress, Where};
use crate::app;
use crate::channels::terminal::{self, Chat};
use crate::config::{Config, Grant, Hypervisor, Purpose};
use crate::error::Unreachable;
use crate::host::libvirt::{Connection, HostStatus};
use crate::message::Asker;

/// How long hosts may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Talk in the terminal, without XMPP.
#[derive(Args)]
pub(super) struct Talk {
    /// A machine or hypervisor; the front desk when left out.
    entity: Option<String>,
    #[command(flatten)]
    place: Where,
    /// A libvirt URI instead of a configuration; nothing is kept of the conversation then.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    uri: Option<String>,
    /// Say this one thing and end.
    #[arg(long)]
    say: Option<String>,
    /// Write the conversation as a transcript.
    #[arg(long)]
    record: Option<PathBuf>,
    #[command(flatten)]
    model: ModelPlace,
}

/// Talks until the end of input.
pub(super) fn talk(Talk { entity, place, uri, say, record, model }: Talk) -> anyhow::Result<()> {
    let user = std::env::var("USER").unwrap_or_else(|_| "you".to_owned());
    // Ends with the conversation, after everything that writes into it.
    let kept;
    let mut config = match uri {
        Some(uri) => {
            kept = tempfile::TempDir::with_prefix("atoll-chat-").context("a folder for the conversation")?;
            let mut config = Config::parse(Path::new("--uri"), "")?;
            config.hypervisor = vec![Hypervisor { name: "hv1".to_owned(), uri }];
            config.store.path = kept.path().join("store");
            config.model.trained = model.trained();
            config
        }
        None => Config::read_to(&place.config, Purpose::Talk)?,
    };
    model.instead(&mut config.model);
    // Whoever sits at the terminal could as well use virsh.
    let jid = format!("{}@terminal", user.to_lowercase());
    config.access.push(Grant { who: jid.clone(), role: Role::Admin });
    let assembled = app::assemble_with(&config, "chat", &Progress::learning)?;
    assembled.bridge.wait_settled(PATIENCE);
    reached(&assembled.bridge.status())?;
    let to = terminal::entity(&*assembled.bridge, entity.as_deref()).map_err(anyhow::Error::msg)?;
    let chat = Chat {
        bot: Arc::clone(&assembled.bot),
        entity: to,
        shown: entity.unwrap_or_else(|| "desk".to_owned()),
        asker: Asker { jid: Some(jid), name: user },
        zone: assembled.zone.clone(),
    };
    match say {
        Some(text) => chat.say(&text, &mut std::io::stdout()).context("standard output"),
        None => chat.talk(record.as_deref()),
    }
}

/// Says which hosts can't be reached; if none can, there is nobody to talk to.
fn reached(hosts: &[HostStatus]) -> Result<(), Unreachable> {
    let trouble: Vec<String> = hosts.iter().filter_map(trouble).collect();
    if trouble.is_empty() {
        return Ok(());
    }
    if trouble.len() == hosts.len() {
        return Err(Unreachable(trouble.join("; ")));
    }
    trouble.iter().for_each(|trouble| eprintln!("atoll: {trouble}; going on without"));
    Ok(())
}

fn trouble(host: &HostStatus) -> Option<String> {
    let HostStatus { name, uri, .. } = host;
    match &host.connection {
        Connection::Up => None,
        Connection::Connecting => Some(format!("{name} at {uri} does not answer within {} s", PATIENCE.as_secs())),
        Connection::Down { reason, said } => Some(format!("{name} at {uri} can't be reached: {reason}: {said}")),
    }
}
