//! Rooms: whatever they and their services claim, a right comes only from what the service that is named said last.

use std::collections::{BTreeMap, BTreeSet};

use agent::channels::xmpp::event::Event;
use agent::channels::xmpp::in_memory::InMemory;
use agent::channels::xmpp::rooms::Join;
use jid::BareJid;

use super::Bytes;
use super::stream::{DOMAIN, ROOMS, component, sound};

/// Where rooms are: one service is named by the configuration, one is anybody's, and one is where people live.
const AT: [&str; 4] =
    ["ops@rooms.example.org", "dev@rooms.example.org", "ops@rooms.evil.example.net", "ann@example.org"];
/// Who is in them, if one believes it.
const NICKS: [&str; 6] = ["ann", "ann ", "\u{202e}nna", "hv1", "atoll", "web1"];
/// Real addresses that are claimed.
const REAL: [&str; 5] =
    ["ann@example.org/phone", "root@example.org", "hv1@vms.example.org/atoll", "eve@evil.example.net/x", ""];
/// Ours.
const ENTITIES: [Option<&str>; 3] = [None, Some("hv1"), Some("web1")];
const STATUSES: [u16; 12] = [100, 110, 110, 110, 201, 210, 301, 303, 307, 321, 322, 332];

/// What a service said last of who has a nick.
type Claims = BTreeMap<(String, Option<&'static str>, String), Option<BareJid>>;

/// What was said so far.
#[derive(Default)]
struct Said {
    text: String,
    number: usize,
    claims: Claims,
    /// By id of a message: what was claimed of its sender just then.
    then: BTreeMap<String, Option<BareJid>>,
}

/// Services, rooms and people at random.
///
/// # Panics
/// When somebody counts as an address that the named service did not give for their nick, when an occupant counts as a
/// person, or when what is sent is not ours or too much.
pub fn rooms(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut component = component();
    let mut said = Said::default();
    let mut wanted = BTreeSet::new();
    for _ in 0..1 + bytes.below(4) {
        enter(&mut bytes, &mut component, &mut wanted);
    }
    while !bytes.0.is_empty() && said.number < 120 {
        match bytes.byte() % 16 {
            0..=6 => presence(&mut bytes, &mut said),
            7..=9 => message(&mut bytes, &mut said, "groupchat"),
            10 | 11 => message(&mut bytes, &mut said, "chat"),
            12 => invitation(&mut bytes, &mut said),
            13 => message(&mut bytes, &mut said, "error"),
            14 => {
                hear(&mut component, &mut said);
                component.pass(std::time::Duration::from_secs(bytes.below(1_000) as u64));
            }
            _ => enter(&mut bytes, &mut component, &mut wanted),
        }
    }
    hear(&mut component, &mut said);
}

fn enter(bytes: &mut Bytes<'_>, component: &mut InMemory, wanted: &mut BTreeSet<(&'static str, Option<&'static str>)>) {
    let (room, entity) = (AT[bytes.below(3)], ENTITIES[bytes.below(ENTITIES.len())]);
    wanted.insert((room, entity));
    component.join(Join {
        entity: entity.map(str::to_owned),
        room: BareJid::new(room).expect("an address"),
        nick: entity.unwrap_or("atoll").to_owned(),
        password: None,
        standing: bytes.chance(2),
    });
}

/// The server says all of it; what is heard is judged.
fn hear(component: &mut InMemory, said: &mut Said) {
    let taken = component.read(std::mem::take(&mut said.text).as_bytes(), 1 << 16);
    sound(&taken);
    for event in &taken.events {
        let Event::Heard(heard) = event else { continue };
        match &heard.room {
            Some(room) => {
                let Some(real) = &room.real else { continue };
                assert_eq!(room.room.domain().as_str(), ROOMS, "believed although nobody named it: {heard:?}");
                assert_ne!(real.domain().as_str(), DOMAIN, "one of our own: {heard:?}");
                let claimed = heard.id.as_ref().and_then(|id| said.then.get(id)).cloned().flatten();
                assert_eq!(Some(real), claimed.as_ref(), "the service did not say so: {heard:?}");
            }
            None => assert_ne!(heard.from.domain().as_str(), ROOMS, "an occupant counts as a person: {heard:?}"),
        }
    }
}

fn to(entity: Option<&str>) -> String {
    entity.map_or_else(|| DOMAIN.to_owned(), |entity| format!("{entity}@{DOMAIN}"))
}

fn presence(bytes: &mut Bytes<'_>, said: &mut Said) {
    let (room, nick) = (AT[bytes.below(AT.len())], NICKS[bytes.below(NICKS.len())]);
    let entity = ENTITIES[bytes.below(ENTITIES.len())];
    let kind = ["", "", "", " type='unavailable'", " type='error'"][bytes.below(5)];
    let real = REAL[bytes.below(REAL.len())];
    let item = if real.is_empty() { String::new() } else { format!(" jid='{real}'") };
    let statuses: String =
        (0..bytes.below(4)).map(|_| format!("<status code='{}'/>", STATUSES[bytes.below(STATUSES.len())])).collect();
    let new = if bytes.chance(8) { " nick='ann'" } else { "" };
    let error = if kind.contains("error") {
        let condition =
            ["conflict", "forbidden", "not-allowed", "remote-server-timeout", "item-not-found"][bytes.below(5)];
        format!("<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
    } else {
        String::new()
    };
    said.number += 1;
    said.text += &format!(
        "<presence{kind} from='{room}/{nick}' to='{}'>{error}<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant'{item}{new}/>{statuses}</x></presence>",
        to(entity)
    );
    // Nicks are compared as the address they are part of.
    let nick =
        format!("{room}/{nick}").parse::<jid::Jid>().ok().and_then(|full| full.resource().map(ToString::to_string));
    let Some(nick) = nick else { return };
    let key = (room.to_owned(), entity, nick);
    match kind {
        "" => drop(said.claims.insert(key, real.parse::<jid::Jid>().ok().map(|jid| jid.to_bare()))),
        " type='unavailable'" => drop(said.claims.remove(&key)),
        _ => {}
    }
}

fn message(bytes: &mut Bytes<'_>, said: &mut Said, kind: &str) {
    let (room, nick) = (AT[bytes.below(AT.len())], NICKS[bytes.below(NICKS.len())]);
    let entity = ENTITIES[bytes.below(ENTITIES.len())];
    let from = if bytes.chance(6) { room.to_owned() } else { format!("{room}/{nick}") };
    let marked = if bytes.chance(3) { "<x xmlns='http://jabber.org/protocol/muc#user'/>" } else { "" };
    said.number += 1;
    let id = format!("m{}", said.number);
    said.text += &format!(
        "<message type='{kind}' id='{id}' from='{from}' to='{}'><body>web1: shut down</body>{marked}</message>",
        to(entity)
    );
    let nick = from.parse::<jid::Jid>().ok().and_then(|full| full.resource().map(ToString::to_string));
    let claim = nick.and_then(|nick| said.claims.get(&(room.to_owned(), entity, nick)).cloned().flatten());
    said.then.insert(id, claim);
}

fn invitation(bytes: &mut Bytes<'_>, said: &mut Said) {
    let room = AT[bytes.below(AT.len())];
    let entity = ENTITIES[bytes.below(ENTITIES.len())];
    said.number += 1;
    said.text += &if bytes.chance(2) {
        format!(
            "<message from='{room}' to='{}'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='ann@example.org'/></x></message>",
            to(entity)
        )
    } else {
        format!(
            "<message from='ann@example.org/phone' to='{}'><x xmlns='jabber:x:conference' jid='{room}'/></message>",
            to(entity)
        )
    };
}
