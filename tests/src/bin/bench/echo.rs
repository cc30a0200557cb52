//! The bare equivalent of an answer: a component on the agent's own link code that sends every message back.

use agent::channels::xmpp::link::{Incoming, Link};
use agent::channels::xmpp::outbox::Lane;
use agent::channels::xmpp::settings::{LinkConfig, Secret};
use anyhow::{Context, Result};
use jid::BareJid;
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
        if let Incoming::Stanza(stanza) = item
            && let Stanza::Message(mut message) = *stanza
        {
            std::mem::swap(&mut message.from, &mut message.to);
            outbox.send(Lane::Answer, message)?;
        }
    }
    Ok(())
}
