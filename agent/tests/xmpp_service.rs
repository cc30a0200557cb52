//! The whole XMPP side with a real Prosody and a person's client.

mod servers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::channels::xmpp::contacts::{Contact, Roster, Seen};
use agent::channels::xmpp::entities::{Access, Class, Directory, EntityInfo, Show};
use agent::channels::xmpp::event::Event;
use agent::channels::xmpp::messages::{Heard, Kind};
use agent::channels::xmpp::rooms::trust::Domains;
use agent::channels::xmpp::rooms::{Join, RoomEvent};
use agent::channels::xmpp::said::Said;
use agent::channels::xmpp::service::{Handle, Service, ServiceConfig};
use agent::channels::xmpp::settings::{LinkConfig, Secret};
use jid::BareJid;
use parking_lot::Mutex;
use servers::client::Client;
use servers::fake::Fake;
use servers::prosody::Prosody;
use tokio::sync::mpsc::Receiver;

type Key = (String, Option<String>);

/// A fleet that can be changed, seen by everybody but eve.
#[derive(Default)]
struct Fleet {
    entities: Mutex<Vec<EntityInfo>>,
    contacts: Mutex<BTreeMap<Key, Contact>>,
}

impl Fleet {
    fn of(machines: usize) -> Arc<Self> {
        let mut entities = vec![entity(None, Class::Desk), entity(Some("hv1"), Class::Hypervisor)];
        let names = (1..=machines).map(|n| format!("web{n}"));
        entities.extend(names.map(|name| entity(Some(&name), Class::Machine)));
        Arc::new(Self { entities: Mutex::new(entities), contacts: Mutex::default() })
    }

    fn set(&self, local: &str, show: Show, status: &str) {
        let mut entities = self.entities.lock();
        let info = entities.iter_mut().find(|info| info.local.as_deref() == Some(local));
        let info = info.expect("it is there");
        info.show = show;
        info.status = status.to_owned();
    }
}

fn entity(local: Option<&str>, class: Class) -> EntityInfo {
    EntityInfo {
        local: local.map(str::to_owned),
        name: local.unwrap_or("Front desk").to_owned(),
        class,
        uuid: None,
        os: None,
        parent: None,
        show: Show::Online,
        status: "running".to_owned(),
        commands: Vec::new(),
    }
}

impl Directory for Fleet {
    fn entity(&self, local: Option<&str>) -> Option<EntityInfo> {
        let entities = self.entities.lock();
        entities.iter().find(|info| info.local.as_deref() == local).cloned()
    }

    fn all(&self) -> Vec<EntityInfo> {
        self.entities.lock().clone()
    }
}

impl Access for Fleet {
    fn may_see(&self, person: &BareJid, _entity: Option<&str>) -> bool {
        !person.as_str().starts_with("eve@")
    }

    fn may_invite(&self, person: &BareJid) -> bool {
        self.may_see(person, None)
    }
}

impl Roster for Fleet {
    fn load(&self) -> Vec<Contact> {
        self.contacts.lock().values().cloned().collect()
    }

    fn save(&self, contact: &Contact) {
        let key = (contact.person.to_string(), contact.entity.clone());
        let mut contacts = self.contacts.lock();
        if contact.is_over() {
            contacts.remove(&key);
        } else {
            contacts.insert(key, contact.clone());
        }
    }
}

fn start(server: String, fleet: &Arc<Fleet>) -> (Handle, Receiver<Event>) {
    let servers = vec![server];
    let domain = BareJid::new("vms.localhost").expect("an address");
    let mut link = LinkConfig::new(servers, domain, Secret::new("secret"));
    link.pause_min = Duration::from_millis(50);
    link.pause_max = Duration::from_millis(200);
    let set = |name: &str| [name.to_owned()].into();
    let domains = Domains { services: set("rooms.localhost"), homes: set("localhost") };
    let config = ServiceConfig { link, features: Vec::new(), domains };
    Service::start(config, fleet.clone(), fleet.clone(), fleet.clone())
}

async fn until<T>(events: &mut Receiver<Event>, wanted: impl Fn(Event) -> Option<T>) -> T {
    let wait = async {
        loop {
            let event = events.recv().await.expect("the service runs");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("in time")
}

async fn online(events: &mut Receiver<Event>) -> Option<Duration> {
    until(events, |event| match event {
        Event::Online { away, .. } => Some(away),
        _ => None,
    })
    .await
}

async fn heard(events: &mut Receiver<Event>) -> Heard {
    until(events, |event| match event {
        Event::Heard(heard) => Some(*heard),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_person_adds_a_machine_talks_to_it_and_sees_it_change_and_go() {
    let server = Prosody::start().expect("prosody is installed");
    let fleet = Fleet::of(2);
    let (handle, mut events) = start(server.component(), &fleet);
    assert_eq!(online(&mut events).await, None);
    let mut ann = Client::new(&server, "ann").await;
    ann.send("<presence/>").await;
    ann.send("<presence to='web1@vms.localhost' type='subscribe'/>").await;
    ann.expect("running").await;
    ann.send("<presence to='web1@vms.localhost' type='subscribed'/>").await;
    ann.say("web1@vms.localhost", "how are you?").await;
    let question = heard(&mut events).await;
    assert_eq!(question.authority().unwrap().as_str(), "ann@localhost");
    handle.composing(&question, true);
    let got = ann.expect("</message>").await;
    assert!(got.contains("<composing"), "{got}");
    let mut answer = Said::answer(&question, "Fine. 1) more 2) less\u{1b}");
    answer.choices = vec![("1".to_owned(), Some("more".to_owned()))];
    handle.say(answer).unwrap();
    let got = ann.expect("</message>").await;
    assert!(got.contains("Fine. 1) more 2) less\u{FFFD}") && got.contains("value='1'"), "{got}");
    assert!(got.contains("from='web1@vms.localhost/atoll'"), "{got}");
    fleet.set("web1", Show::Dnd, "crashed");
    handle.presence_changed(Some("web1"));
    let got = ann.expect("crashed").await;
    assert!(got.contains("<show>dnd</show>"), "{got}");
    handle.broadcast(Some("web1"), "web1 has crashed.");
    let got = ann.expect("web1 has crashed.").await;
    assert!(got.contains("type='chat'"), "{got}");
    let mut eve = Client::new(&server, "eve").await;
    eve.send("<presence/>").await;
    eve.send("<presence to='web1@vms.localhost' type='subscribe'/>").await;
    eve.expect("unsubscribed").await;
    handle.stop().await;
    ann.expect("type='unavailable'").await;
    while events.recv().await.is_some() {}
}

#[tokio::test]
async fn after_its_own_restart_it_finds_out_who_is_there_and_shows_everything() {
    let server = Prosody::start().expect("prosody is installed");
    let fleet = Fleet::of(3);
    let (first, mut events) = start(server.component(), &fleet);
    online(&mut events).await;
    let mut ann = Client::new(&server, "ann").await;
    ann.send("<presence/>").await;
    for entity in ["vms.localhost", "web1@vms.localhost", "web2@vms.localhost"] {
        ann.send(&format!("<presence to='{entity}' type='subscribe'/>")).await;
        ann.expect("running").await;
        ann.send(&format!("<presence to='{entity}' type='subscribed'/>")).await;
        ann.say(entity, "hello").await;
        heard(&mut events).await;
    }
    first.stop().await;
    for _ in 0..3 {
        ann.expect("type='unavailable'").await;
    }
    fleet.set("web2", Show::Away, "paused meanwhile");
    let (second, mut events) = start(server.component(), &fleet);
    online(&mut events).await;
    // She sends nothing: what she sees comes because she was asked whether she is there.
    let got = ann.expect("paused meanwhile").await;
    assert!(got.contains("web1@vms.localhost"), "{got}");
    assert!(second.is_online(&BareJid::new(&ann.jid).unwrap()));
    assert_eq!(second.status().people, 1);
    // A second log-in is answered from memory.
    ann.send("<presence type='unavailable'/><presence/>").await;
    ann.expect("paused meanwhile").await;
}

#[tokio::test]
async fn in_a_room_people_are_known_by_their_real_address_and_a_kick_is_survived() {
    let server = Prosody::start().expect("prosody is installed");
    let fleet = Fleet::of(1);
    let (handle, mut events) = start(server.component(), &fleet);
    online(&mut events).await;
    let room = BareJid::new("ops@rooms.localhost").unwrap();
    let mut ann = Client::new(&server, "ann").await;
    let muc = "<x xmlns='http://jabber.org/protocol/muc'/>";
    ann.send(&format!("<presence to='{room}/web1'>{muc}</presence>")).await;
    ann.expect("code='110'").await;
    ann.send(&format!("<message to='{room}' type='groupchat'><body>web1: old</body></message>")).await;
    ann.expect("web1: old").await;
    handle.join(Join {
        entity: Some("web1".to_owned()),
        room: room.clone(),
        nick: "web1".to_owned(),
        password: None,
        standing: true,
    });
    // The nick is ann's already.
    let nick = until(&mut events, |event| match event {
        Event::Room(RoomEvent::Joined { nick, .. }) => Some(nick),
        _ => None,
    })
    .await;
    assert_eq!(nick, "web1_");
    ann.send(&format!("<message to='{room}' type='groupchat'><body>web1_: status</body></message>")).await;
    let question = heard(&mut events).await;
    assert_eq!(question.body, "web1_: status");
    assert_eq!(question.authority().unwrap().as_str(), "ann@localhost");
    handle.say(Said::answer(&question, "ann: running")).unwrap();
    ann.expect("ann: running").await;
    ann.send(&format!("<message to='{room}/web1_' type='chat'><body>psst</body></message>")).await;
    let private = heard(&mut events).await;
    assert!(private.room.as_ref().unwrap().muc_pm && private.kind == Kind::Chat);
    handle.say(Said::answer(&private, "quietly")).unwrap();
    ann.expect("quietly").await;
    ann.send(&format!(
        "<iq type='set' id='k' to='{room}'><query xmlns='http://jabber.org/protocol/muc#admin'>\
         <item nick='web1_' role='none'/></query></iq>"
    ))
    .await;
    let returns = until(&mut events, |event| match event {
        Event::Room(RoomEvent::Left { returns, .. }) => Some(returns),
        _ => None,
    })
    .await;
    assert!(returns && handle.rooms(Some("web1")).is_empty());
    ann.send(&format!("<message to='web1@vms.localhost'><x xmlns='jabber:x:conference' jid='{room}'/></message>"))
        .await;
    let by = until(&mut events, |event| match event {
        Event::Invited(invitation) => Some(invitation.by),
        _ => None,
    })
    .await;
    assert_eq!(by.as_str(), "ann@localhost");
}

#[tokio::test]
async fn a_question_is_answered_before_the_presence_of_two_thousand_machines() {
    let server = Fake::new().await;
    let fleet = Fleet::of(2_000);
    for n in 1..=2_000 {
        fleet.save(&Contact {
            person: BareJid::new("ann@localhost").unwrap(),
            entity: Some(format!("web{n}")),
            sees_us: true,
            seen: Seen::Yes,
        });
    }
    let (handle, mut events) = start(server.address(), &fleet);
    let mut session = server.welcome().await;
    online(&mut events).await;
    session.expect("type='probe'").await;
    // She logs in: her server probes everything for her, and she asks something.
    let probes =
        (1..=2_000).map(|n| format!("<presence type='probe' from='ann@localhost' to='web{n}@vms.localhost'/>"));
    let begin = Instant::now();
    session.send(&probes.collect::<String>()).await;
    session
        .send("<message from='ann@localhost/x' to='web7@vms.localhost' type='chat'><body>quick</body></message>")
        .await;
    let question = heard(&mut events).await;
    handle.say(Said::answer(&question, "at once")).unwrap();
    let before = session.expect("at once").await;
    assert!(before.matches("<presence").count() < 2_000, "the answer came last");
    let mut rest = before.matches("running").count();
    while rest < 2_000 {
        session.expect("running").await;
        rest += 1;
    }
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn what_a_real_server_lets_through_of_an_attack_harms_nobody_else() {
    let server = Prosody::start().expect("prosody is installed");
    let fleet = Fleet::of(1);
    let (handle, mut events) = start(server.component(), &fleet);
    online(&mut events).await;
    let mut mal = Client::new(&server, "mal").await;
    let mut ann = Client::new(&server, "ann").await;
    let to = "to='web1@vms.localhost'";
    for kilobytes in [28, 140, 210] {
        let levels = kilobytes * 1024 / 7;
        let (open, close) = ("<a>".repeat(levels), "</a>".repeat(levels));
        mal.send(&format!("<message {to} id='deep'>{open}{close}</message>")).await;
        mal.expect("policy-violation").await;
    }
    let long = "x".repeat(100_000);
    for stanza in [
        format!("<message {to}><x a='{long}'/></message>"),
        format!("<message {to}><{long}/></message>"),
        format!("<message {to}><x {long}1='' {long}2=''/></message>"),
        format!("<presence {to}><show>bogus</show><priority>1000</priority></presence>"),
        format!("<iq {to} type='get' id=''><q xmlns='x'/></iq>"),
        format!("<message {to} xml:lang='{long}'><body>&#x10FFFD;]]&gt;</body></message>"),
        format!("<message {to}><body>{}</body></message>", "y".repeat(200_000)),
    ] {
        mal.send(&stanza).await;
    }
    mal.say("web1@vms.localhost", "that was all").await;
    loop {
        let said = until(&mut events, |event| match event {
            Event::Heard(heard) => Some(heard.body.clone()),
            Event::Offline { why } => panic!("the link was lost: {why:?}"),
            _ => None,
        })
        .await;
        if said == "that was all" {
            break;
        }
    }
    ann.say("web1@vms.localhost", "still there?").await;
    let question = heard(&mut events).await;
    handle.say(Said::answer(&question, "yes")).expect("not capped");
    ann.expect(">yes<").await;
}
