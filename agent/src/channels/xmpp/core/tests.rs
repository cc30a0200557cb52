//! Whole turns without a socket: stanzas in, stanzas and events out.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use minidom::Element;
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::channels::xmpp::contacts::Contact;
use crate::channels::xmpp::entities::{Class, CommandInfo, EntityInfo, Show};
use crate::channels::xmpp::rooms::Join;
use crate::channels::xmpp::rooms::trust::Domains;

/// A small fleet: hv1 with web1 and db; ann may see all but db and invite, vic sees the same, eve nothing.
struct Fleet {
    changed: Mutex<Vec<EntityInfo>>,
    saved: Mutex<Vec<Contact>>,
    /// Nobody may see anything any more.
    revoked: AtomicBool,
}

impl Directory for Fleet {
    fn entity(&self, local: Option<&str>) -> Option<EntityInfo> {
        self.all().into_iter().find(|info| info.local.as_deref() == local)
    }

    fn is_open(&self, local: Option<&str>) -> bool {
        self.entity(local).is_some_and(|info| info.show != Show::Offline)
    }

    /// Nobody can say yet whether there is an "unseen".
    fn may_exist(&self, local: Option<&str>) -> bool {
        self.exists(local) || local == Some("unseen")
    }

    fn all(&self) -> Vec<EntityInfo> {
        self.changed.lock().clone()
    }
}

impl Access for Fleet {
    fn may_see(&self, person: &BareJid, entity: Option<&str>) -> bool {
        let may = !self.revoked.load(Ordering::Relaxed);
        may && ["ann@example.org", "vic@example.org"].contains(&person.as_str()) && entity != Some("db")
    }

    fn may_invite(&self, person: &BareJid) -> bool {
        person.as_str() == "ann@example.org"
    }
}

impl Roster for Fleet {
    fn load(&self) -> Vec<Contact> {
        self.saved.lock().clone()
    }

    fn save(&self, contact: &Contact) {
        self.saved.lock().push(contact.clone());
    }
}

fn info(local: Option<&str>, class: Class) -> EntityInfo {
    EntityInfo {
        local: local.map(str::to_owned),
        name: local.unwrap_or("desk").to_owned(),
        class,
        uuid: None,
        os: None,
        parent: (class == Class::Machine).then(|| "hv1".to_owned()),
        show: Show::Online,
        status: "running".to_owned(),
        commands: vec![CommandInfo { node: "vm.start".to_owned(), name: "Start".to_owned() }],
    }
}

struct World {
    core: Core,
    fleet: Arc<Fleet>,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let fleet = Arc::new(Fleet {
            changed: Mutex::new(vec![
                info(None, Class::Desk),
                info(Some("hv1"), Class::Hypervisor),
                info(Some("web1"), Class::Machine),
                info(Some("db"), Class::Machine),
            ]),
            saved: Mutex::default(),
            revoked: AtomicBool::default(),
        });
        let outbox = Outbox::new(500.0);
        outbox.queue().up();
        let domain = BareJid::new("vms.example.org").unwrap();
        let features = vec!["urn:example:call".to_owned()];
        let set = |name: &str| [name.to_owned()].into();
        let domains = Domains { services: set("rooms.example.org"), homes: set("example.org") };
        let core =
            Core::new(domain, features, outbox, Trust::new(domains), fleet.clone(), fleet.clone(), fleet.clone());
        let mut world = Self { core, fleet, now: Instant::now() };
        world.core.on_up("test".to_owned(), world.now);
        world
    }

    /// Sends a stanza in; gives the stanzas that go out, as XML.
    fn send(&mut self, xml: &str) -> Vec<String> {
        let xml = xml.replacen(' ', " xmlns='jabber:client' ", 1);
        let element: Element = xml.parse().unwrap();
        let stanza = match element.name() {
            "message" => Stanza::Message(Message::try_from(element).unwrap()),
            "presence" => Stanza::Presence(Presence::try_from(element).unwrap()),
            _ => Stanza::Iq(Iq::try_from(element).unwrap()),
        };
        self.core.on_stanza(stanza, self.now);
        self.sent()
    }

    fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        loop {
            let due = self.core.outbox.queue().next(self.now);
            let Some(due) = due else { break };
            let Some(stanza) = due.make() else { continue };
            let element: Element = match stanza {
                Stanza::Message(message) => message.into(),
                Stanza::Presence(presence) => presence.into(),
                Stanza::Iq(iq) => iq.into(),
            };
            sent.push(String::from(&element));
        }
        sent
    }

    fn heard(&mut self) -> Vec<Heard> {
        let events = self.core.take_events().into_iter();
        let heard = events.filter_map(|event| match event {
            Event::Heard(heard) => Some(*heard),
            _ => None,
        });
        heard.collect()
    }

    fn ask(&mut self, from: &str, to: &str, payload: &str) -> String {
        let iq = format!("<iq type='get' id='q' from='{from}' to='{to}'>{payload}</iq>");
        let mut sent = self.send(&iq);
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }
}

const ANN: &str = "from='ann@example.org/phone'";
const TO_WEB1: &str = "to='web1@vms.example.org'";

#[test]
fn a_message_is_heard_and_its_receipt_sent_and_to_nobody_it_is_refused() {
    let mut world = World::new();
    let sent = world.send(&format!(
        "<message {ANN} {TO_WEB1} type='chat' id='1'><body>status</body><request xmlns='urn:xmpp:receipts'/></message>"
    ));
    assert!(sent.len() == 1 && sent[0].contains("<received") && sent[0].contains("web1@vms.example.org/atoll"));
    let heard = world.heard();
    assert_eq!((heard[0].body.as_str(), heard[0].entity.as_deref()), ("status", Some("web1")));
    let sent = world
        .send(&format!("<message {ANN} to='gone@vms.example.org' type='chat' id='2'><body>status</body></message>"));
    assert!(sent[0].contains("service-unavailable") && sent[0].contains("type='error'"), "{sent:?}");
    // Its error, our own entity and our own words come back: silence.
    for stanza in [
        format!("<message {ANN} {TO_WEB1} type='error' id='3'><body>x</body></message>"),
        format!("<message from='db@vms.example.org/atoll' {TO_WEB1} type='chat'><body>x</body></message>"),
    ] {
        assert!(world.send(&stanza).is_empty());
    }
    let ann = BareJid::new("ann@example.org").unwrap();
    world.core.limits.said(&ann, Some("web1"), "web1 is running.", world.now);
    world.send(&format!("<message {ANN} {TO_WEB1} type='chat'><body>web1 is running.</body></message>"));
    assert!(world.heard().is_empty());
}

#[test]
fn a_room_is_heard_live_only_and_its_occupants_have_their_own_rights() {
    let mut world = World::new();
    let (room, to) = ("ops@rooms.example.org", "to='web1@vms.example.org/atoll'");
    let join = Join {
        entity: Some("web1".to_owned()),
        room: BareJid::new(room).unwrap(),
        nick: "web1".to_owned(),
        password: None,
        standing: false,
    };
    world.core.rooms.join(join, world.now);
    let x = "xmlns='http://jabber.org/protocol/muc#user'";
    let item = |jid: &str| format!("<item affiliation='none' role='participant' jid='{jid}'/>");
    for (nick, contents) in
        [("ann", item("ann@example.org/phone")), ("web1", item("web1@vms.example.org/atoll") + "<status code='110'/>")]
    {
        world.send(&format!("<presence from='{room}/{nick}' {to}><x {x}>{contents}</x></presence>"));
    }
    let delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
    for (from, payload) in [
        (format!("{room}/ann"), format!("<body>web1: stop</body>{delay}")),
        (format!("{room}/web1"), "<body>Stopped.</body>".to_owned()),
        (room.to_owned(), "<body>This room is logged.</body>".to_owned()),
        ("other@rooms.example.org/ann".to_owned(), "<body>web1: stop</body>".to_owned()),
    ] {
        world.send(&format!("<message from='{from}' {to} type='groupchat'>{payload}</message>"));
    }
    assert!(world.heard().is_empty());
    world.send(&format!("<message from='{room}/ann' {to} type='groupchat'><body>web1: status</body></message>"));
    world.send(&format!("<message from='{room}/ann' {to} type='chat'><body>status</body></message>"));
    // Not in that room, so nobody knows who this is; the room's name is no person's.
    world.send(&format!("<message from='admins@rooms.example.org/x' {to} type='chat'><body>stop</body></message>"));
    let heard = world.heard();
    let whose: Vec<_> = heard.iter().map(|heard| heard.authority().map(|a| a.to_string())).collect();
    let ann = Some("ann@example.org".to_owned());
    assert_eq!(whose, [ann.clone(), ann, None]);
    let private: Vec<_> = heard.iter().map(|heard| heard.room.as_ref().unwrap().muc_pm).collect();
    assert_eq!(private, [false, true, true]);
    assert_eq!(heard[0].answer_to().as_str(), room);
    assert_eq!(heard[1].answer_to().as_str(), format!("{room}/ann"));
    // A room can't become a contact by asking.
    let sent = world.send(&format!("<presence from='admins@rooms.example.org' {TO_WEB1} type='subscribe'/>"));
    assert!(!sent.iter().any(|stanza| stanza.contains("'subscribed'")), "{sent:?}");
}

#[test]
fn everybody_finds_what_they_may_see_and_nothing_else() {
    let mut world = World::new();
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    let seen = |answer: &str| -> BTreeSet<String> {
        let element: Element = answer.parse().unwrap();
        let query = element.children().next().unwrap();
        query.children().filter_map(|item| Some(item.attr("jid")?.to_owned())).collect()
    };
    let answer = world.ask("ann@example.org/phone", "vms.example.org", items);
    let all: BTreeSet<_> = ["hv1@vms.example.org", "web1@vms.example.org"].map(str::to_owned).into();
    assert_eq!(seen(&answer), all);
    let paged = items
        .replace("/>", "><set xmlns='http://jabber.org/protocol/rsm'><max>1</max><after>hv1</after></set></query>");
    let answer = world.ask("ann@example.org/phone", "vms.example.org", &paged);
    assert_eq!(seen(&answer), ["web1@vms.example.org".to_owned()].into());
    assert!(answer.contains("<count>2</count>"), "{answer}");
    let answer = world.ask("ann@example.org/phone", "hv1@vms.example.org", items);
    assert_eq!(seen(&answer), ["web1@vms.example.org".to_owned()].into());
    assert!(seen(&world.ask("eve@example.org/x", "vms.example.org", items)).is_empty());
    // A hidden machine can't be told from one that isn't there.
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let hidden = world.ask("ann@example.org/phone", "db@vms.example.org", info);
    let missing = world.ask("ann@example.org/phone", "no@vms.example.org", info);
    assert_eq!(hidden.replace("db@", "no@"), missing);
    assert!(missing.contains("service-unavailable"));
    let vcard = world.ask("ann@example.org/phone", "web1@vms.example.org", "<vCard xmlns='vcard-temp'/>");
    assert!(vcard.contains("<FN>web1</FN>") && vcard.contains("image/png"), "{vcard}");
    for question in [
        "<ping xmlns='urn:xmpp:ping'/>",
        "<time xmlns='urn:xmpp:time'/>",
        "<query xmlns='jabber:iq:version'/>",
        "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>",
    ] {
        let answer = world.ask("ann@example.org/phone", "web1@vms.example.org/atoll", question);
        assert!(answer.contains("type='result'"), "{answer}");
    }
    let unknown = world.ask("ann@example.org/phone", "web1@vms.example.org", "<query xmlns='jabber:iq:register'/>");
    assert!(unknown.contains("service-unavailable"), "{unknown}");
}

#[test]
fn the_hash_in_a_presence_is_that_of_the_answer_given_for_it() {
    let mut world = World::new();
    let sent = world.send(&format!("<presence {ANN} {TO_WEB1} type='subscribe'/>"));
    let shown = sent.iter().find(|stanza| stanza.contains("ver=")).unwrap();
    let element: Element = shown.parse().unwrap();
    let caps = element.get_child("c", "http://jabber.org/protocol/caps").unwrap();
    let (node, ver) = (caps.attr("node").unwrap(), caps.attr("ver").unwrap());
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}#{ver}'/>");
    let answer = world.ask("ann@example.org/phone", "web1@vms.example.org/atoll", &query);
    let element: Element = answer.parse().unwrap();
    let result = element.children().next().unwrap().clone();
    let result = xmpp_parsers::disco::DiscoInfoResult::try_from(result).unwrap();
    let data = xmpp_parsers::caps::compute_disco(&result);
    let hash = xmpp_parsers::caps::hash_caps(&data, xmpp_parsers::hashes::Algo::Sha_1).unwrap();
    assert_eq!(hash.to_base64(), ver);
}

#[test]
fn a_change_reaches_those_who_see_the_machine_and_goodbye_is_said_for_all() {
    let mut world = World::new();
    let sent = world.send(&format!("<presence {ANN} {TO_WEB1} type='subscribe'/>"));
    assert!(sent[0].contains("subscribed") && sent[1].contains("running"), "{sent:?}");
    assert_eq!(world.fleet.saved.lock().len(), 1);
    let refused = world.send("<presence from='eve@example.org' to='web1@vms.example.org' type='subscribe'/>");
    assert!(refused.len() == 1 && refused[0].contains("unsubscribed"), "{refused:?}");
    // A thousand tries are refused a thousand times, and told of once.
    world.core.take_events();
    for n in 0..1_000 {
        world.send(&format!("<presence from='mal@example.org' to='web{n}@vms.example.org' type='subscribe'/>"));
    }
    assert_eq!(world.core.take_events().len(), 1);
    world.fleet.changed.lock()[2].status = "crashed".to_owned();
    world.core.board.changed(Some("web1"), world.now);
    world.now += std::time::Duration::from_secs(1);
    world.core.on_tick(world.now);
    let sent = world.sent();
    assert!(sent.len() == 1 && sent[0].contains("crashed") && sent[0].contains("ann@example.org"), "{sent:?}");
    world.core.on_stop();
    let sent = world.sent();
    assert!(sent.len() == 1 && sent[0].contains("unavailable"), "{sent:?}");
}

#[test]
fn a_request_for_the_agent_is_handed_over_and_answered_from_the_address_asked() {
    let mut world = World::new();
    let call =
        format!("<iq {ANN} to='web1@vms.example.org/atoll' type='set' id='9'><call xmlns='urn:example:call'/></iq>");
    assert!(world.send(&call).is_empty());
    let Some(Event::Asked(request)) = world.core.take_events().pop() else {
        panic!("not handed over");
    };
    assert_eq!(request.person.as_ref().unwrap().as_str(), "ann@example.org");
    world.core.answer(&request, Ok(None));
    let sent = world.sent();
    assert!(sent[0].contains("from='web1@vms.example.org/atoll'") && sent[0].contains("id='9'"), "{sent:?}");
    // Nobody else gets as far as the agent.
    let sent = world.send(&call.replace("ann@", "eve@"));
    assert!(sent[0].contains("service-unavailable"), "{sent:?}");
}

#[test]
fn what_may_exist_is_taken_from_nobody_and_what_does_not_is_refused() {
    let mut world = World::new();
    for kind in ["subscribe", "probe"] {
        let sent = world.send(&format!("<presence {ANN} to='unseen@vms.example.org' type='{kind}'/>"));
        assert!(sent.is_empty(), "{kind}: {sent:?}");
        let sent = world.send(&format!("<presence {ANN} to='nobody@vms.example.org' type='{kind}'/>"));
        assert_eq!(sent.iter().any(|stanza| stanza.contains("unsubscribed")), kind == "subscribe", "{kind}: {sent:?}");
    }
}

#[test]
fn a_machine_that_is_gone_stays_with_those_who_have_it_and_comes_to_nobody_else() {
    let mut world = World::new();
    world.send(&format!("<presence {ANN} {TO_WEB1} type='subscribe'/>"));
    for info in world.fleet.changed.lock().iter_mut().filter(|info| info.class == Class::Machine) {
        info.show = Show::Offline;
        info.status = "gone".to_owned();
    }
    let probed = world.send(&format!("<presence {ANN} {TO_WEB1} type='probe'/>"));
    assert!(probed.len() == 1 && probed[0].contains("unavailable") && probed[0].contains("gone"), "{probed:?}");
    // Clients ask again now and then.
    let again = world.send(&format!("<presence {ANN} {TO_WEB1} type='subscribe'/>"));
    assert!(again[0].contains("subscribed") && !again[0].contains("unsubscribed"), "{again:?}");
    assert_eq!(world.core.subscriptions.people_of(Some("web1")).len(), 1);
    world.send(&format!("<presence {ANN} {TO_WEB1} type='unsubscribe'/>"));
    let anew = world.send(&format!("<presence {ANN} {TO_WEB1} type='subscribe'/>"));
    assert!(anew[0].contains("unsubscribed"), "{anew:?}");
}

#[test]
fn a_right_that_was_taken_away_ends_presence_and_news_at_once() {
    let mut world = World::new();
    for entity in ["web1", "hv1"] {
        world.send(&format!("<presence {ANN} to='{entity}@vms.example.org' type='subscribe'/>"));
    }
    world.core.take_events();
    // What waited to be sent when it happened is not sent any more.
    world.core.show(Some("web1".to_owned()), "ann@example.org".parse().unwrap(), Pace::Even);
    world.fleet.revoked.store(true, Ordering::Relaxed);
    assert!(world.core.subscribers(Some("web1")).is_empty());
    world.core.enforce_access();
    let sent = world.sent();
    let of = |what: &str| sent.iter().filter(|stanza| stanza.contains(what) && stanza.contains("ann@")).count();
    assert_eq!((of("'unavailable'"), of("'unsubscribed'"), of("running")), (2, 2, 0), "{sent:?}");
    let events = world.core.take_events();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Contact(Change::Unsubscribed(..)))).count(), 2);
    // Neither a change nor the next connection tells ann anything.
    world.core.board.changed(Some("web1"), world.now);
    world.now += std::time::Duration::from_secs(9);
    world.core.on_tick(world.now);
    world.core.on_up("test".to_owned(), world.now);
    assert!(world.sent().is_empty());
}

#[test]
fn a_right_that_was_taken_away_while_there_was_no_connection_ends_with_the_next() {
    let mut world = World::new();
    world.send(&format!("<presence {ANN} {TO_WEB1} type='subscribe'/>"));
    world.core.on_down("cut".to_owned());
    world.fleet.revoked.store(true, Ordering::Relaxed);
    world.core.enforce_access();
    assert!(world.sent().is_empty() && world.core.subscribers(Some("web1")).is_empty());
    world.core.on_up("test".to_owned(), world.now);
    let sent = world.sent();
    assert!(sent.iter().any(|stanza| stanza.contains("'unsubscribed'")), "{sent:?}");
    assert!(!sent.iter().any(|stanza| stanza.contains("running")), "{sent:?}");
}

#[test]
fn an_invitation_by_whoever_may_not_costs_nothing_and_is_told_once() {
    let mut world = World::new();
    let invite = |who: &str, room: &str| {
        format!(
            "<message from='{who}' to='hv1@vms.example.org'><x xmlns='jabber:x:conference' jid='{room}'/></message>"
        )
    };
    for number in 0..2_000 {
        for who in ["vic@example.org/phone", "eve@example.org/phone"] {
            assert!(world.send(&invite(who, &format!("r{number}@rooms.example.org"))).is_empty());
        }
    }
    let events = world.core.take_events();
    assert!(matches!(&events[..], [Event::InvitedInVain(one)] if one.by.as_str() == "vic@example.org"), "{events:?}");
    // Of whoever may, a few are handed on; where no room can be, none.
    for number in 0..2_000 {
        world.send(&invite("ann@example.org/phone", &format!("r{number}@rooms.example.org")));
    }
    assert_eq!(world.core.take_events().len(), 5);
    world.now += std::time::Duration::from_secs(3_600);
    for address in ["vic@example.org", "rooms.example.org", "web1@vms.example.org"] {
        world.send(&invite("ann@example.org/phone", address));
    }
    assert_eq!(world.core.take_events().len(), 0);
}

#[test]
fn a_new_room_is_opened_by_its_owner_request() {
    let mut world = World::new();
    let room = BareJid::new("new@rooms.example.org").unwrap();
    let join = Join { entity: Some("web1".to_owned()), room, nick: "web1".to_owned(), password: None, standing: false };
    world.core.rooms.join(join, world.now);
    let sent = world.send(
        "<presence from='new@rooms.example.org/web1' to='web1@vms.example.org/atoll'>\
         <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/>\
         <status code='110'/><status code='201'/></x></presence>",
    );
    assert_eq!(sent.len(), 1, "{sent:?}");
    for part in
        ["type='set'", "to='new@rooms.example.org'", "from='web1@vms.example.org/atoll'", "muc#owner", "'submit'"]
    {
        assert!(sent[0].contains(&part.replace('\'', "\"")) || sent[0].contains(part), "{part}: {sent:?}");
    }
}

#[test]
fn through_a_room_nobody_finds_out_what_an_entity_is() {
    let mut world = World::new();
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    for asker in ["ops@rooms.example.org/x", "mal@elsewhere.example/x"] {
        let answer = world.ask(asker, "web1@vms.example.org/atoll", info);
        assert!(answer.contains("service-unavailable"), "{answer}");
    }
}

/// What rooms outside of the configuration, or people who play one, may send in any order.
#[derive(Debug, Clone)]
enum Foreign {
    Presence {
        nick: usize,
        real: usize,
        kind: usize,
        codes: Vec<u16>,
    },
    Message {
        nick: usize,
        groupchat: bool,
        marked: bool,
    },
    /// It lets the entity in, says that somebody is ann, and has them speak at once.
    Claim {
        nick: usize,
        groupchat: bool,
    },
    Wait(u64),
    Again,
}

fn foreign() -> impl Strategy<Value = Foreign> {
    let code = prop::sample::select(vec![100u16, 110, 172, 201, 210, 301, 303, 307, 332, 333]);
    prop_oneof![
        4 => (0..4usize, 0..5usize, 0..3usize, prop::collection::vec(code, 0..4))
            .prop_map(|(nick, real, kind, codes)| Foreign::Presence { nick, real, kind, codes }),
        4 => (0..4usize, any::<bool>(), any::<bool>())
            .prop_map(|(nick, groupchat, marked)| Foreign::Message { nick, groupchat, marked }),
        2 => (1..4usize, any::<bool>()).prop_map(|(nick, groupchat)| Foreign::Claim { nick, groupchat }),
        1 => (1..2_000u64).prop_map(Foreign::Wait),
        1 => Just(Foreign::Again),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes from elsewhere: nobody is judged by an address but by that of the sender, which the server vouches for.
    #[test]
    fn no_room_outside_the_configuration_gives_anybody_a_right(
        steps in prop::collection::vec((0..3usize, foreign()), 0..40)
    ) {
        let mut world = World::new();
        // A room of a foreign service, a person who plays one, and one on a service whose name looks like ours.
        let rooms = ["ops@rooms.evil.example", "mal@elsewhere.example", "ops@rooms.example.org.evil.example"];
        let nicks = ["web1", "ann", "ann@example.org", "x"];
        let reals = ["ann@example.org/phone", "web1@vms.example.org/atoll", "eve@example.org/x", "rooms.example.org", ""];
        let join = |world: &mut World, room: &str| {
            let room = BareJid::new(room).unwrap();
            let entity = Some("web1".to_owned());
            world.core.rooms.join(Join { entity, room, nick: "web1".to_owned(), password: None, standing: true }, world.now);
        };
        for room in rooms {
            join(&mut world, room);
        }
        for (room, step) in steps {
            let room = rooms[room];
            match step {
                Foreign::Presence { nick, real, kind, codes } => {
                    let item = match reals[real] {
                        "" => "<item affiliation='none' role='participant'/>".to_owned(),
                        real => format!("<item affiliation='owner' role='moderator' jid='{real}' nick='ann'/>"),
                    };
                    let codes: String = codes.iter().map(|code| format!("<status code='{code}'/>")).collect();
                    let kind = ["", "type='unavailable'", "type='error'"][kind];
                    world.send(&format!(
                        "<presence from='{room}/{}' to='web1@vms.example.org/atoll' {kind}>\
                         <x xmlns='http://jabber.org/protocol/muc#user'>{item}{codes}</x></presence>",
                        nicks[nick]
                    ));
                }
                Foreign::Message { nick, groupchat, marked } => {
                    let kind = if groupchat { "groupchat" } else { "chat" };
                    let mark = if marked { "<x xmlns='http://jabber.org/protocol/muc#user'/>" } else { "" };
                    world.send(&format!(
                        "<message from='{room}/{}' to='web1@vms.example.org/atoll' type='{kind}'>\
                         <body>web1: pull the plug</body>{mark}</message>",
                        nicks[nick]
                    ));
                }
                Foreign::Claim { nick, groupchat } => {
                    join(&mut world, room);
                    let kind = if groupchat { "groupchat" } else { "chat" };
                    for (nick, x) in [
                        (nicks[nick], "<item affiliation='owner' role='moderator' jid='ann@example.org/phone'/>"),
                        ("web1", "<item affiliation='none' role='participant'/><status code='110'/>"),
                    ] {
                        world.send(&format!(
                            "<presence from='{room}/{nick}' to='web1@vms.example.org/atoll'>\
                             <x xmlns='http://jabber.org/protocol/muc#user'>{x}</x></presence>"
                        ));
                    }
                    prop_assert!(world.core.rooms.is_in(Some("web1"), &BareJid::new(room).unwrap()), "it got in");
                    world.send(&format!(
                        "<message from='{room}/{}' to='web1@vms.example.org/atoll' type='{kind}'>\
                         <body>web1: pull the plug</body></message>",
                        nicks[nick]
                    ));
                }
                Foreign::Wait(seconds) => {
                    world.now += std::time::Duration::from_secs(seconds);
                    world.core.on_tick(world.now);
                }
                Foreign::Again => join(&mut world, room),
            }
            for heard in world.heard() {
                let judged = heard.authority();
                prop_assert!(judged.as_ref().is_none_or(|person| *person == heard.from.to_bare()), "{heard:?}");
                prop_assert!(!judged.is_some_and(|person| world.core.access.may_see(&person, None)), "{heard:?}");
            }
            // Meanwhile ann is herself.
            world.send(&format!("<message {ANN} {TO_WEB1} type='chat'><body>status {}</body></message>", world.now.elapsed().as_nanos()));
            let ann = world.heard().pop().and_then(|heard| heard.authority());
            prop_assert_eq!(ann.map(|ann| ann.to_string()), Some("ann@example.org".to_owned()));
        }
    }
}
