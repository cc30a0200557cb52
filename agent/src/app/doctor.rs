//! `atoll doctor`: checks each component by itself, names what fails, and says what to do.

use std::path::Path;
use std::time::Duration;

use dialogue::book::Book;
use intents::Model;
use tokio::time::{Instant, timeout};
use xmpp_parsers::iq::Iq;
use xmpp_parsers::ping::Ping;

use crate::app;
use crate::channels::xmpp::connect::Down;
use crate::channels::xmpp::link::{Incoming, Link};
use crate::channels::xmpp::outbox::Lane;
use crate::config::{Config, Purpose};
use crate::host::libvirt::{Bridge, Connection, HostConfig, Timeouts};
use crate::skill::Leg;
use crate::state::journal::Journal;
use crate::state::lock::StoreLock;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// With less free bytes than this a store is told to be full.
const LEAST_ROOM: u64 = 1 << 20;

/// Looks at all legs, in the order in which they build on each other. Later legs of a kind are still looked at when an earlier one fails.
pub async fn examine(path: &Path) -> Vec<Leg> {
    let config = match Config::read_to(path, Purpose::Run) {
        Ok(config) => config,
        Err(error) => return vec![Leg { name: "config", state: Err(chain(&error)) }],
    };
    let shown =
        if config.shows_secret(path) { "; everybody on this machine can read the secret in it: chmod 600" } else { "" };
    let nobody = if config.access.is_empty() { "; nobody may say anything yet: there is no [[access]]" } else { "" };
    let mut legs = vec![Leg { name: "config", state: Ok(format!("{}{shown}{nobody}", path.display())) }];
    legs.push(store(&config));
    legs.push(model(&config));
    legs.push(clock(&config));
    let hosts = config.clone();
    match tokio::task::spawn_blocking(move || hosts_and_events(&hosts)).await {
        Ok(found) => legs.extend(found),
        Err(error) => legs.push(Leg { name: "libvirt", state: Err(error.to_string()) }),
    }
    legs.extend(xmpp(&config).await);
    legs
}

/// The store's folder can be written, has room, and its journal holds. Only looked at: another process may be at work there, and what a
/// doctor who is root would write, the agent could not write again.
fn store(config: &Config) -> Leg {
    Leg { name: "store", state: store_state(&config.store.path).map_err(|why| format!("{why} (store.path)")) }
}

fn store_state(folder: &Path) -> Result<String, String> {
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(folder);
    if !there.is_dir() {
        return Err(format!("{} is no folder", there.display()));
    }
    rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
        .map_err(|error| format!("{} can't be written: {error}", there.display()))?;
    let room = rustix::fs::statvfs(there).map_err(|error| format!("{}: {error}", there.display()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < LEAST_ROOM {
        return Err(format!(
            "{} KiB are free in {}: the journal will soon take nothing, and then nothing is changed",
            free >> 10,
            there.display()
        ));
    }
    let Some(verified) = Journal::verify(folder).map_err(|error| chain(&error))? else {
        return Ok(format!("{}: no journal yet", folder.display()));
    };
    let place = folder.join("journal.jsonl");
    if verified.damages.is_empty() {
        let used = StoreLock::holder(folder).map_or_else(String::new, |holder| format!("; in use by {holder}"));
        return Ok(format!("{}: the chain of {} journal lines holds{used}", folder.display(), verified.lines));
    }
    let wrong: Vec<String> = verified.damages.iter().map(|(damage, _)| damage.to_string()).collect();
    Err(format!(
        "{}: {}; Atoll goes on from what is whole, `atoll journal verify` shows all of it, `atoll journal accept` takes it for known",
        place.display(),
        wrong.join("; ")
    ))
}

/// The encoder can be loaded. The classifier is not trained here: that would write into the store.
fn model(config: &Config) -> Leg {
    let encoder = match intents::encoder::load(&config.model.path) {
        Ok(encoder) => encoder,
        Err(why) => {
            let why = format!("{why}; Atoll goes on with grammar and n-grams (model.path, scripts/model.sh)");
            return Leg { name: "model", state: Err(why) };
        }
    };
    let book = match Book::load(crate::skills::specs(), &crate::nlu::corpus()) {
        Ok(book) => book,
        Err(error) => return Leg { name: "model", state: Err(chain(&error)) },
    };
    let (examples, misses) = crate::nlu::lessons(&book);
    let kept = Model::is_kept(&config.trained(), &examples, &misses, Some(&*encoder));
    let learnt = if kept { "" } else { "; what people say is learnt at the first start" };
    Leg { name: "model", state: Ok(format!("{}{learnt}", encoder.name())) }
}

/// A wrong clock makes late messages look new.
fn clock(config: &Config) -> Leg {
    let now = jiff::Timestamp::now();
    let built: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().expect("a date");
    let state = match jiff::tz::TimeZone::get(&config.time_zone) {
        _ if now < built => Err(format!("it says {now}, which is in the past")),
        Ok(zone) => Ok(now.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()),
        Err(error) => Err(error.to_string()),
    };
    Leg { name: "clock", state }
}

/// Each hypervisor answers, and its event callbacks are registered.
fn hosts_and_events(config: &Config) -> Vec<Leg> {
    if config.hypervisor.is_empty() {
        return vec![Leg { name: "libvirt", state: Err("no [[hypervisor]] is configured".to_owned()) }];
    }
    let hosts = config
        .hypervisor
        .iter()
        .map(|hypervisor| HostConfig { name: hypervisor.name.clone(), uri: hypervisor.uri.clone() })
        .collect();
    let (bridge, _events) = Bridge::start(hosts, Timeouts::default());
    bridge.wait_settled(PATIENCE);
    let mut legs = Vec::new();
    for status in bridge.status() {
        let (libvirt, events) = match status.connection {
            Connection::Up => (
                Ok(format!("{}: {} at {}", status.name, machines(status.machines), status.uri)),
                Ok(format!("{}: callbacks registered", status.name)),
            ),
            Connection::Connecting => (
                Err(format!("{}: no answer from {} within {} s", status.name, status.uri, PATIENCE.as_secs())),
                Err(format!("{}: no connection", status.name)),
            ),
            Connection::Down { reason, said } => (
                Err(format!("{}: {reason} ({}): {said}", status.name, status.uri)),
                Err(format!("{}: no connection", status.name)),
            ),
        };
        legs.push(Leg { name: "libvirt", state: libvirt });
        legs.push(Leg { name: "events", state: events });
    }
    legs
}

fn machines(count: usize) -> String {
    if count == 1 { "1 machine".to_owned() } else { format!("{count} machines") }
}

/// The component is let in, and a message to itself makes its way through the server.
async fn xmpp(config: &Config) -> Vec<Leg> {
    let link = match app::link(config) {
        Ok(link) => link,
        Err(error) => return vec![Leg { name: "xmpp", state: Err(format!("{error:#}")) }],
    };
    let domain = link.domain.clone();
    let (outbox, mut incoming) = Link::start(link);
    let deadline = Instant::now() + PATIENCE;
    let mut why = "no answer".to_owned();
    let server = loop {
        match timeout(deadline.saturating_duration_since(Instant::now()), incoming.recv()).await {
            Ok(Some(Incoming::Up { server, .. })) => break Some(server),
            Ok(Some(Incoming::Down { why: Down::Conflict })) => {
                let served = "an agent serves this domain already".to_owned();
                return vec![
                    Leg { name: "xmpp", state: Ok(format!("{domain}: {served}")) },
                    Leg { name: "delivery", state: Ok(format!("not looked at: {served}")) },
                ];
            }
            Ok(Some(Incoming::Down { why: down })) => {
                why = chain(&down);
                break None;
            }
            Ok(Some(Incoming::Stanza(_))) => {}
            Ok(None) | Err(_) => break None,
        }
    };
    let Some(server) = server else {
        let unproven = Err("not looked at without a connection".to_owned());
        return vec![
            Leg { name: "xmpp", state: Err(format!("{} as {domain}: {why}", config.xmpp.servers.join(", "))) },
            Leg { name: "delivery", state: unproven },
        ];
    };
    let mut legs = vec![Leg { name: "xmpp", state: Ok(format!("{domain} at {server}")) }];
    let there = jid::Jid::from(domain.clone());
    let ping = Iq::Get { from: Some(there.clone()), to: Some(there), id: "doctor".to_owned(), payload: Ping.into() };
    let delivered = match outbox.send(Lane::Answer, ping) {
        Err(error) => Err(error.to_string()),
        Ok(()) => loop {
            match timeout(deadline.saturating_duration_since(Instant::now()), incoming.recv()).await {
                Ok(Some(Incoming::Stanza(_))) => {
                    break Ok("a message to ourselves came back through the server".to_owned());
                }
                Ok(Some(Incoming::Up { .. })) => {}
                Ok(Some(Incoming::Down { why })) => break Err(why.to_string()),
                Ok(None) | Err(_) => {
                    break Err("the server took a message to ourselves and did not bring it".to_owned());
                }
            }
        },
    };
    legs.push(Leg { name: "delivery", state: delivered });
    legs
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
