//! An agent with 10,000 machines on one host: its start, its memory, lists of them, and a person who has them all in their contacts.
//!
//! The machines are those of libvirt's test driver, in the agent's own process, as in the bare process beside it.

use std::path::Path;
use std::time::{Duration, Instant};

use agent::channels::directory::CONTACT;
use agent::channels::xmpp::contacts::{Contact, Seen};
use agent::state::journal::{Entry, Journal};
use agent::state::lock::StoreLock;
use anyhow::{Context, Result, ensure};
use jid::BareJid;
use jiff::Timestamp;

use crate::client::{Account, Client, PEOPLE};
use crate::figure::{Report, Sample};
use crate::process::Process;
use crate::site::{ECHO, Site, address};

/// Machines.
pub const MACHINES: usize = 10_000;
/// Whose contacts they all are.
pub const ALICE: Account = Account { name: "alice", plain: "AGFsaWNlAGE=" };
/// Who has as many at the echo component.
const BOB: Account = Account { name: "bob", plain: "AGJvYgBi" };
/// Lists asked for, of each kind.
const LISTS: usize = 20;
/// Items of a page.
const PAGE: usize = 500;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures all of it.
pub fn measure(report: &mut Report) -> Result<()> {
    let site = Site::start()?;
    let _echo = site.echo()?;
    let uri = site.machines(MACHINES)?;
    let begun = Instant::now();
    let bare = Process::holder(&uri)?;
    let opened = begun.elapsed();
    let bare = bare.resident()?;
    let store = site.store()?;
    befriend(&site, &store)?;
    let last = format!("vm-{:04}", MACHINES - 1);
    let (first, agent) = start(&site, &store, &uri, &last)?;
    drop(agent);
    let (again, agent) = start(&site, &store, &uri, &last)?;
    report.note("10,000 machines: a bare process opens the connection", opened.as_secs_f64(), "s");
    report.judge("10,000 machines: from the start to the first answer", first.as_secs_f64(), "s", 5.0);
    report.judge("the same, of an agent that knows them", again.as_secs_f64(), "s", 5.0);
    lists(&site, report)?;
    log_in(&site, report)?;
    let resident = agent.resident()?;
    report.note("agent with 10,000 machines, resident", resident.all / MIB, "MiB");
    report.note("bare process with the same connection, resident", bare.all / MIB, "MiB");
    report.judge("agent − bare process, 10,000 machines", (resident.all - bare.all) / MIB, "MiB", 150.0);
    Ok(())
}

/// Writes down that Alice sees all machines and they see her, at her server and in an agent's store: as it is after she has added them.
///
/// # Errors
/// When it can't be written.
pub fn befriend(site: &Site, store: &Path) -> Result<()> {
    site.contacts(&ALICE, (0..MACHINES).map(|number| address(&format!("vm-{number:04}"))))?;
    let lock = StoreLock::take(store, "bench")?;
    let journal = Journal::open(&lock, None)?.journal;
    let person = BareJid::new(&format!("{}@{PEOPLE}", ALICE.name))?;
    let facts = (0..MACHINES).map(|number| {
        let entity = Some(format!("vm-{number:04}"));
        let contact = Contact { person: person.clone(), entity, sees_us: true, seen: Seen::Yes };
        let key = format!("{}|vm-{number:04}", contact.person);
        Ok(Entry::fact(CONTACT, &key, serde_json::to_value(contact)?))
    });
    Ok(journal.write_all(Timestamp::now(), facts.collect::<Result<_>>()?, true)?)
}

/// Starts an agent; gives how long it took until its last machine answered.
fn start(site: &Site, store: &Path, uri: &str, last: &str) -> Result<(Duration, Process)> {
    let begun = Instant::now();
    let agent = site.agent_at(store, uri, last)?;
    Ok((begun.elapsed(), agent))
}

fn lists(site: &Site, report: &mut Report) -> Result<()> {
    let host = address("hv1");
    let (mut said, mut page, mut all, mut echo) =
        (Sample::default(), Sample::default(), Sample::default(), Sample::default());
    let mut person = site.client()?;
    for _ in 0..LISTS {
        echo.add(person.say(ECHO, "list")?.0);
        let (took, answer) = person.say(&host, "list")?;
        ensure!(answer.contains("vm-0000"), "no list: {answer}");
        said.add(took);
        let begun = Instant::now();
        let (mut listed, mut after) = (0, String::new());
        while listed < MACHINES {
            let asked = Instant::now();
            let (items, last) = items(&mut person, &host, &after)?;
            page.add(asked.elapsed());
            listed += items;
            after = format!("<after>{last}</after>");
        }
        all.add(begun.elapsed());
    }
    report.note("echo component beside them, p50", echo.quantile(0.5), "ms");
    report.judge("\"list\" to a host of 10,000, p50", said.quantile(0.5), "ms", 200.0);
    report.judge("service discovery: a page of 500 of 10,000, p50", page.quantile(0.5), "ms", 200.0);
    report.judge("service discovery: all 20 pages of them, p50", all.quantile(0.5), "ms", 200.0);
    Ok(())
}

/// Asks for a page of a host's items; gives how many there are on it, and the last one's id.
fn items(person: &mut Client, host: &str, after: &str) -> Result<(usize, String)> {
    let query = format!(
        "<iq type='get' id='items' to='{host}'><query xmlns='http://jabber.org/protocol/disco#items'>\
         <set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max>{after}</set></query></iq>"
    );
    let answer = person.ask(&query, "</iq>")?;
    let last = answer.split_once("<last>").and_then(|(_, rest)| rest.split_once("</last>"));
    let (last, _) = last.with_context(|| format!("no page: {}", answer.chars().take(500).collect::<String>()))?;
    Ok((answer.matches("<item ").count(), last.to_owned()))
}

/// A person with 10,000 contacts logs in: their server asks each of them how it is. Beside it the same at the echo component, which
/// is what the server itself takes.
fn log_in(site: &Site, report: &mut Report) -> Result<()> {
    site.contacts(&BOB, (0..MACHINES).map(|number| format!("vm-{number:04}@{ECHO}")))?;
    let bob = site.known(&BOB)?.appear(MACHINES).context("contacts at the echo component")?;
    let alice = site.known(&ALICE)?.appear(MACHINES).context("contacts at the agent")?;
    report.note("a log-in with 10,000 contacts, echo component", bob.as_secs_f64(), "s");
    report.note("a log-in with 10,000 contacts, agent", alice.as_secs_f64(), "s");
    report.judge("a log-in with 10,000 contacts, agent : echo", alice.as_secs_f64() / bob.as_secs_f64(), "×", 1.5);
    Ok(())
}
