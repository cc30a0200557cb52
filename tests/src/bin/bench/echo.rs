//! The bare equivalent of an answer: a component on the agent's own link code that sends every message back, and shows itself at
//! every address that is asked for.

use agent::channels::xmpp::link::{Incoming, Link};
use agent::channels::xmpp::outbox::{Lane, Pace};
use agent::channels::xmpp::settings::{LinkConfig, Secret};
use anyhow::{Context, Result};
use jid::BareJid;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza::Stanza;

use crate::site::{ECHO, SECRET};

/// Runs until the process is ended.
///
/// # Errors
/// When there is no runtime, or the link gives up.
pub fn run(port: u16) -> Result<()> {
    // As many threads as the agent's, and like its loop not on the main one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async move { tokio::spawn(serve(port)).await })?
}

async fn serve(port: u16) -> Result<()> {
    let domain = BareJid::new(ECHO).context("an address")?;
    let (outbox, mut incoming) =
        Link::start(LinkConfig::new(vec![format!("127.0.0.1:{port}")], domain, Secret::new(SECRET)));
    while let Some(item) = incoming.recv().await {
        let Incoming::Stanza(stanza) = item else { continue };
        match *stanza {
            Stanza::Message(mut message) => {
                std::mem::swap(&mut message.from, &mut message.to);
                outbox.send(Lane::Answer, message)?;
            }
            Stanza::Presence(Presence { type_: Type::Probe, from, to, .. }) => {
                let mut presence = Presence::available();
                (presence.from, presence.to) = (to, from);
                presence.set_status("", "running");
                let shown = Box::new(move || Some(presence.into()));
                outbox.send_later(Pace::Soon, shown)?;
            }
            _ => {}
        }
    }
    Ok(())
}
