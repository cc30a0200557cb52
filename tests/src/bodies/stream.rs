//! The component's stream: whatever a server says, or lets others say.

use std::sync::Arc;

use agent::channels::xmpp::contacts::{Contact, Roster};
use agent::channels::xmpp::entities::{Access, Class, Directory, EntityInfo, Show};
use agent::channels::xmpp::event::Event;
use agent::channels::xmpp::in_memory::{InMemory, Taken};
use agent::channels::xmpp::rooms::trust::Domains;
use jid::BareJid;
use parking_lot::Mutex;
use xmpp_parsers::minidom::Element;

use super::Bytes;

/// The component's domain.
pub(super) const DOMAIN: &str = "vms.example.org";
/// The room service that the configuration names.
pub(super) const ROOMS: &str = "rooms.example.org";
/// Stands in messages that were forwarded, copied or kept, and never to be heard.
const NOT_SAID: &str = "not-said-to-us";
/// Stanzas that one stanza may cause.
const MOST_CAUSED: usize = 48;

/// hv1 with web1 and db; everybody at example.org may see all of it.
pub(super) struct Fleet(Mutex<Vec<Contact>>);

impl Fleet {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }
}

fn entity(local: Option<&str>, class: Class) -> EntityInfo {
    EntityInfo {
        local: local.map(str::to_owned),
        name: local.unwrap_or("desk").to_owned(),
        class,
        uuid: None,
        os: None,
        parent: (class == Class::Machine).then(|| "hv1".to_owned()),
        show: Show::Online,
        status: "running".to_owned(),
        commands: Vec::new(),
    }
}

impl Directory for Fleet {
    fn entity(&self, local: Option<&str>) -> Option<EntityInfo> {
        self.all().into_iter().find(|info| info.local.as_deref() == local)
    }

    fn all(&self) -> Vec<EntityInfo> {
        vec![
            entity(None, Class::Desk),
            entity(Some("hv1"), Class::Hypervisor),
            entity(Some("web1"), Class::Machine),
            entity(Some("db"), Class::Machine),
        ]
    }
}

impl Access for Fleet {
    fn may_see(&self, person: &BareJid, _: Option<&str>) -> bool {
        person.domain().as_str() == "example.org"
    }

    fn may_invite(&self, person: &BareJid) -> bool {
        self.may_see(person, None)
    }
}

impl Roster for Fleet {
    fn load(&self) -> Vec<Contact> {
        self.0.lock().clone()
    }

    fn save(&self, contact: &Contact) {
        let mut kept = self.0.lock();
        kept.retain(|one| (&one.person, &one.entity) != (&contact.person, &contact.entity));
        if !contact.is_over() {
            kept.push(contact.clone());
        }
    }
}

/// A component of that fleet.
pub(super) fn component() -> InMemory {
    let fleet = Fleet::new();
    let domain = BareJid::new(DOMAIN).expect("an address");
    let set = |name: &str| [name.to_owned()].into();
    let domains = Domains { services: set(ROOMS), homes: set("example.org") };
    InMemory::new(domain, domains, fleet.clone(), fleet.clone(), fleet).expect("there is memory")
}

/// Any bytes after the stream header, and any stanzas.
///
/// # Panics
/// When the stream ends over a stanza, when something is sent that is no stanza of ours, too much for what came, or when
/// something is heard that nobody said to us.
pub fn stream(data: &[u8]) {
    let mut bytes = Bytes(data);
    let step = 1 + bytes.below(200);
    let mut component = component();
    if bytes.chance(3) {
        // Not even XML: it may end the connection, and nothing else.
        sound(&component.read(bytes.0, step));
    }
    let mut said = String::new();
    let mut number = 0;
    while !bytes.0.is_empty() && number < 40 {
        stanza(&mut bytes, &mut said);
        number += 1;
    }
    said.push_str("<iq type='get' id='last' from='ann@example.org/phone' to='web1@vms.example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
    let taken = component.read(said.as_bytes(), step);
    sound(&taken);
    assert!(
        taken.sent.contains("id='last'") || taken.sent.contains("id=\"last\""),
        "the stream ended before the last question: {said}\n{}",
        taken.sent
    );
    assert!(taken.stanzas <= number + 1, "{said}");
}

/// What came of it is ours to send, not too much, and was said to us.
pub(super) fn sound(taken: &Taken) {
    let whole = format!(
        "<s xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>{}</s>",
        taken.sent
    );
    let whole: Element = whole.parse().unwrap_or_else(|error| panic!("{error}: {whole}"));
    let mut sent = 0;
    for stanza in whole.children() {
        sent += 1;
        let from = stanza.attr("from").unwrap_or_else(|| panic!("from nobody: {stanza:?}"));
        let from: jid::Jid = from.parse().unwrap_or_else(|error| panic!("{error}: {from}"));
        assert_eq!(from.domain().as_str(), DOMAIN, "from somebody else: {stanza:?}");
        assert!(stanza.attr("to").is_some(), "to nobody: {stanza:?}");
    }
    // And all that is told when a connection begins.
    assert!(sent <= MOST_CAUSED * (taken.stanzas + 1), "{sent} stanzas for {}", taken.stanzas);
    for event in &taken.events {
        if let Event::Heard(heard) = event {
            assert!(!heard.body.contains(NOT_SAID), "nobody said this to us: {heard:?}");
            assert_ne!(heard.from.domain().as_str(), DOMAIN, "we said this ourselves: {heard:?}");
            assert!(!heard.encrypted || heard.body.is_empty(), "not meant to be read: {heard:?}");
        }
    }
}

const PEOPLE: [&str; 12] = [
    "ann@example.org/phone",
    "ann@example.org",
    "eve@evil.example.net/x",
    "ops@rooms.example.org/ann",
    "ops@rooms.example.org",
    "rooms.example.org",
    "web1@vms.example.org/atoll",
    "vms.example.org",
    "example.org",
    "a@b@c",
    "",
    "/x",
];
const ENTITIES: [&str; 8] = [
    "web1@vms.example.org",
    "web1@vms.example.org/atoll",
    "hv1@vms.example.org",
    "vms.example.org",
    "nobody@vms.example.org",
    "web1@elsewhere.example.org",
    "@",
    "",
];
const TYPES: [&str; 15] = [
    "",
    "chat",
    "normal",
    "groupchat",
    "headline",
    "error",
    "get",
    "set",
    "result",
    "subscribe",
    "subscribed",
    "unsubscribe",
    "unsubscribed",
    "unavailable",
    "probe",
];
/// What stanzas carry, sound and unsound.
const PAYLOADS: [&str; 34] = [
    "<body>status</body>",
    "<body xml:lang='fr'>statut</body><body>status</body>",
    "<subject>all</subject>",
    "<thread>t</thread>",
    "<show>dnd</show>",
    "<show>bogus</show>",
    "<priority>999</priority>",
    "<status>here</status>",
    "<query xmlns='jabber:iq:version'/>",
    "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "<query xmlns='http://jabber.org/protocol/disco#info' node='x#y'/>",
    "<query xmlns='http://jabber.org/protocol/disco#items'/>",
    "<ping xmlns='urn:xmpp:ping'/>",
    "<time xmlns='urn:xmpp:time'/>",
    "<time xmlns='urn:xmpp:time'><tzo>+25:99</tzo><utc>yesterday</utc></time>",
    "<vCard xmlns='vcard-temp'/>",
    "<command xmlns='http://jabber.org/protocol/commands' node='vm.start' action='execute'/>",
    "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>",
    "<delay xmlns='urn:xmpp:delay' stamp='never'/>",
    "<x xmlns='jabber:x:delay' stamp='20260101T00:00:00'/>",
    "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator' jid='ann@example.org/x'/><status code='110'/></x>",
    "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='ann@example.org'><reason>come</reason></invite></x>",
    "<x xmlns='http://jabber.org/protocol/muc#user'><status code='99999'/></x>",
    "<x xmlns='jabber:x:conference' jid='ops@rooms.example.org'/>",
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>",
    "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
    "<reply xmlns='urn:xmpp:reply:0' id='1' to='web1@vms.example.org'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='999999999999'/></fallback>",
    "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
    "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>",
    "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    "<error type='nonsense'/>",
    "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='ann@example.org'><body>not-said-to-us</body></message></forwarded></sent>",
    "<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='ann@example.org'><body>not-said-to-us</body></message></forwarded></result>",
    "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='ann@example.org'><body>not-said-to-us</body></message></forwarded>",
];

/// One stanza, well-formed and whatever else.
fn stanza(bytes: &mut Bytes<'_>, said: &mut String) {
    let name = ["message", "presence", "iq", "message", "presence", "iq", "foo"][bytes.below(7)];
    said.push('<');
    said.push_str(name);
    for (attribute, values) in [("from", &PEOPLE[..]), ("to", &ENTITIES[..]), ("type", &TYPES[..])] {
        match bytes.byte() {
            0..=15 => {}
            16..=31 => attribute_of(said, attribute, &noise(bytes)),
            _ => attribute_of(said, attribute, values[bytes.below(values.len())]),
        }
    }
    if !bytes.chance(8) {
        let id = noise(bytes);
        attribute_of(said, "id", &id);
    }
    if bytes.chance(24) {
        attribute_of(said, "x", &"long".repeat(bytes.below(8_000)));
    }
    said.push('>');
    for _ in 0..bytes.below(5) {
        payload(bytes, said);
    }
    said.push_str("</");
    said.push_str(name);
    said.push('>');
}

fn payload(bytes: &mut Bytes<'_>, said: &mut String) {
    match bytes.byte() {
        // Many levels deep, in a namespace of its own.
        0..=3 => {
            let levels = bytes.below(3_000);
            said.push_str("<d xmlns='urn:example:deep'>");
            said.push_str(&"<d>".repeat(levels));
            said.push_str(&noise(bytes));
            said.push_str(&"</d>".repeat(levels));
            said.push_str("</d>");
        }
        4..=31 => {
            said.push_str("<body>");
            said.push_str(&noise(bytes));
            said.push_str("</body>");
        }
        // A known payload somewhere in it is not what it seems.
        32..=47 => {
            let payload = PAYLOADS[bytes.below(PAYLOADS.len())];
            said.push_str("<wrapped xmlns='urn:example:wrapped'>");
            said.push_str(payload);
            said.push_str("</wrapped>");
        }
        48..=55 => said.push_str(&noise(bytes)),
        _ => said.push_str(PAYLOADS[bytes.below(PAYLOADS.len())]),
    }
}

fn attribute_of(said: &mut String, name: &str, value: &str) {
    said.push(' ');
    said.push_str(name);
    said.push_str("='");
    said.push_str(value);
    said.push('\'');
}

/// Some characters that XML allows, escaped.
fn noise(bytes: &mut Bytes<'_>) -> String {
    let length = bytes.below(24).min(bytes.0.len());
    let (noise, rest) = bytes.0.split_at(length);
    bytes.0 = rest;
    String::from_utf8_lossy(noise)
        .chars()
        .filter(|character| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}'))
        .map(|character| match character {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '\'' => "&apos;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
