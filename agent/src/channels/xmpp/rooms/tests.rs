//! What a room may and may not make us believe.

use minidom::Element;

use super::*;

const ROOM: &str = "ops@rooms.example.org";

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

fn room() -> BareJid {
    BareJid::new(ROOM).unwrap()
}

fn wish(entity: &str) -> Join {
    Join { entity: Some(entity.to_owned()), room: room(), nick: entity.to_owned(), password: None, standing: true }
}

/// People live at `example.org`; rooms are believed at `services`.
fn domains(services: &[&str]) -> trust::Domains {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    trust::Domains { services: set(services), homes: set(&["example.org"]) }
}

fn none(services: &[&str]) -> Rooms {
    Rooms::new(BareJid::new("vms.example.org").unwrap(), Trust::new(domains(services)))
}

/// A presence from the room: attributes, and the contents of `<x/>`.
fn presence(nick: &str, attributes: &str, x: &str) -> Presence {
    said_at(ROOM, nick, attributes, x)
}

fn said_at(room: &str, nick: &str, attributes: &str, x: &str) -> Presence {
    let nick = nick.replace('&', "&amp;");
    let text = format!(
        "<presence xmlns='jabber:client' from='{room}/{nick}' to='hv1@vms.example.org/atoll' {attributes}>\
         <x xmlns='http://jabber.org/protocol/muc#user'>{x}</x></presence>"
    );
    Presence::try_from(text.parse::<Element>().unwrap()).unwrap()
}

fn occupant(jid: &str) -> String {
    format!("<item affiliation='none' role='participant' jid='{jid}'/>")
}

fn inside(trusted: bool) -> Rooms {
    let mut rooms = none(if trusted { &["rooms.example.org"] } else { &[] });
    join(&mut rooms, wish("hv1"));
    rooms
}

fn join(rooms: &mut Rooms, wish: Join) {
    let now = Instant::now();
    let sent = rooms.join(wish, now).unwrap();
    assert_eq!(sent.to.unwrap(), jid("ops@rooms.example.org/hv1"));
    let own = "<item affiliation='none' role='participant'/><status code='100'/><status code='110'/>";
    let outcome = rooms.on_presence(&presence("hv1", "", own), Some("hv1"), now).unwrap();
    assert!(matches!(&outcome.events[..], [RoomEvent::Joined { .. }]), "{outcome:?}");
}

fn enter(rooms: &mut Rooms, nick: &str, real: &str) {
    rooms.on_presence(&presence(nick, "", &occupant(real)), Some("hv1"), Instant::now()).unwrap();
}

fn real(rooms: &Rooms, from: &str) -> Option<String> {
    match rooms.place(Some("hv1"), &jid(from), false) {
        Place::Occupant(info) => info.real.map(|real| real.to_string()),
        other => panic!("{from}: {other:?}"),
    }
}

#[test]
fn a_look_alike_of_an_admins_nick_has_only_its_own_rights() {
    let mut rooms = inside(true);
    enter(&mut rooms, "admin", "boss@example.org/desk");
    // Padded, zero-width, right-to-left, Cyrillic, another case.
    let fakes = ["admin ", "ad\u{200b}min", "\u{202e}nimda", "аdmin", "Admin", "admin\u{2060}"];
    for fake in fakes {
        let from = format!("{ROOM}/{fake}");
        // A server folds some of them into "admin" itself; then it is he.
        if from.parse::<Jid>().is_ok_and(|folded| folded != jid(&format!("{ROOM}/admin"))) {
            assert_eq!(real(&rooms, &from), None, "{fake:?} before it entered");
            enter(&mut rooms, fake, "eve@example.org/x");
            assert_eq!(real(&rooms, &from).as_deref(), Some("eve@example.org"), "{fake:?}");
        }
    }
    assert_eq!(real(&rooms, "ops@rooms.example.org/admin").as_deref(), Some("boss@example.org"));
    // The admin leaves; whoever takes the nick next is somebody else.
    let gone = presence("admin", "type='unavailable'", &occupant("boss@example.org/desk"));
    rooms.on_presence(&gone, Some("hv1"), Instant::now());
    assert_eq!(real(&rooms, "ops@rooms.example.org/admin"), None);
}

#[test]
fn a_private_message_from_a_room_is_never_the_rooms_own_address() {
    let rooms = inside(true);
    for (from, marked) in [
        ("ops@rooms.example.org/x", false),
        // A room we are not in, on a service that is known to be one …
        ("admins@rooms.example.org/x", false),
        // … and on one that is not, where the message itself tells.
        ("admins@elsewhere.example/x", true),
    ] {
        let place = rooms.place(Some("web1"), &jid(from), marked);
        assert!(matches!(&place, Place::Occupant(info) if info.real.is_none()), "{from}: {place:?}");
    }
    let person = rooms.place(Some("web1"), &jid("ann@example.org/x"), false);
    assert_eq!(person, Place::Elsewhere);
}

#[test]
fn in_an_anonymous_or_untrusted_room_everybody_is_a_stranger() {
    let mut anonymous = inside(true);
    let x = "<item affiliation='owner' role='moderator'/>";
    anonymous.on_presence(&presence("boss", "", x), Some("hv1"), Instant::now());
    assert_eq!(real(&anonymous, "ops@rooms.example.org/boss"), None);
    let mut evil = inside(false);
    enter(&mut evil, "boss", "boss@example.org/desk");
    assert_eq!(real(&evil, "ops@rooms.example.org/boss"), None);
}

#[test]
fn our_own_words_and_those_of_our_other_entities_are_not_heard() {
    let mut rooms = inside(true);
    enter(&mut rooms, "web1", "web1@vms.example.org/atoll");
    for own in ["hv1", "web1"] {
        let place = rooms.place(Some("hv1"), &jid(&format!("{ROOM}/{own}")), false);
        assert_eq!(place, Place::Ourselves);
    }
    assert_eq!(rooms.place(Some("hv1"), &jid(ROOM), false), Place::Room);
}

#[test]
fn a_taken_nick_gets_an_underscore_and_the_services_choice_counts() {
    let mut rooms = none(&[]);
    let now = Instant::now();
    rooms.join(wish("hv1"), now);
    let error = "<presence xmlns='jabber:client' from='ops@rooms.example.org/hv1' type='error' \
         to='hv1@vms.example.org/atoll'><error type='cancel'>\
         <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>";
    let error = Presence::try_from(error.parse::<Element>().unwrap()).unwrap();
    let outcome = rooms.on_presence(&error, Some("hv1"), now).unwrap();
    assert_eq!(outcome.send[0].to, Some(jid("ops@rooms.example.org/hv1_")));
    let own = "<item affiliation='none' role='participant'/><status code='110'/><status code='210'/>";
    let outcome = rooms.on_presence(&presence("HV-1", "", own), Some("hv1"), now).unwrap();
    assert!(matches!(&outcome.events[..], [RoomEvent::Joined { nick, .. }] if nick == "HV-1"));
    assert_eq!(rooms.place(Some("hv1"), &jid("ops@rooms.example.org/HV-1"), false), Place::Ourselves);
}

#[test]
fn thrown_out_it_returns_after_a_growing_pause_and_banned_it_does_not() {
    let mut rooms = inside(true);
    let mut now = Instant::now();
    let kicked = "<item affiliation='none' role='none'/><status code='307'/><status code='110'/>";
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let out = presence("hv1", "type='unavailable'", kicked);
        let outcome = rooms.on_presence(&out, Some("hv1"), now).unwrap();
        assert!(matches!(&outcome.events[..], [RoomEvent::Left { why: Gone::Kicked, returns: true, .. }]));
        let begin = now;
        while rooms.on_tick(now).send.is_empty() {
            now += Duration::from_secs(1);
        }
        pauses.push((now - begin).as_secs());
    }
    assert_eq!(pauses, [10, 20, 40]);
    let banned = "<item affiliation='outcast' role='none'/><status code='301'/><status code='110'/>";
    let out = presence("hv1", "type='unavailable'", banned);
    let outcome = rooms.on_presence(&out, Some("hv1"), now).unwrap();
    assert!(matches!(&outcome.events[..], [RoomEvent::Left { returns: false, .. }]));
    assert!(rooms.on_tick(now + Duration::from_secs(100_000)).send.is_empty());
    assert!(rooms.on_link_up(now).is_empty());
}

#[test]
fn a_room_that_forgot_us_is_entered_again() {
    let mut rooms = inside(true);
    let now = Instant::now();
    let again = rooms.on_bounce(Some("hv1"), &jid(ROOM), now).unwrap();
    assert_eq!(again.to, Some(jid("ops@rooms.example.org/hv1")));
    assert_eq!(rooms.on_bounce(Some("hv1"), &jid(ROOM), now), None);
    let silent = rooms.on_tick(now + Duration::from_secs(31));
    assert!(matches!(&silent.events[..], [RoomEvent::Left { why: Gone::Silent, returns: true, .. }]));
}

#[test]
fn trust_is_the_configurations_word_of_this_moment() {
    let trust = Trust::new(domains(&[]));
    let mut rooms = Rooms::new(BareJid::new("vms.example.org").unwrap(), trust.clone());
    join(&mut rooms, wish("hv1"));
    enter(&mut rooms, "boss", "boss@example.org/desk");
    let boss = "ops@rooms.example.org/boss";
    assert_eq!(real(&rooms, boss), None);
    trust.replace(domains(&["rooms.example.org"]));
    assert_eq!(real(&rooms, boss).as_deref(), Some("boss@example.org"));
    // A name that only looks like it, and one below or above it, are others.
    for service in ["ro\u{43e}ms.example.org", "a.rooms.example.org", "rooms.example.org.evil.example", "rooms.example"]
    {
        trust.replace(domains(&[service]));
        assert_eq!(real(&rooms, boss), None, "{service}");
    }
}

#[test]
fn where_people_live_is_no_room_and_whoever_answers_there_is_only_themselves() {
    let mut rooms = none(&["rooms.example.org"]);
    let now = Instant::now();
    // Neither at a person's address, nor at a service, nor among our own.
    for address in ["victor@example.org", "rooms.example.org", "web1@vms.example.org"] {
        assert_eq!(rooms.join(Join { room: BareJid::new(address).unwrap(), ..wish("hv1") }, now), None, "{address}");
    }
    // A person of a domain that nobody of the configuration lives at answers as a room would.
    let room = "mal@elsewhere.example";
    rooms.join(Join { room: BareJid::new(room).unwrap(), ..wish("hv1") }, now).unwrap();
    let own = "<item affiliation='none' role='participant'/><status code='110'/>";
    rooms.on_presence(&said_at(room, "hv1", "", own), Some("hv1"), now).unwrap();
    assert!(rooms.is_in(Some("hv1"), &BareJid::new(room).unwrap()));
    // That makes nobody else a room, there or elsewhere, with or without the mark of one.
    for other in ["dora@elsewhere.example/phone", "alice@example.org/phone"] {
        assert_eq!(rooms.place(Some("hv1"), &jid(other), false), Place::Elsewhere, "{other}");
    }
    assert_eq!(rooms.place(Some("hv1"), &jid("alice@example.org/phone"), true), Place::Elsewhere);
    // The configuration comes to know people there: it is a room no more, and left.
    rooms.trust.replace(trust::Domains { homes: ["elsewhere.example".to_owned()].into(), ..domains(&[]) });
    assert_eq!(rooms.place(Some("hv1"), &jid("mal@elsewhere.example/x"), false), Place::Elsewhere);
    let outcome = rooms.on_trust_changed();
    assert_eq!(outcome.send[0].to, Some(jid("mal@elsewhere.example/hv1")));
    assert!(matches!(&outcome.events[..], [RoomEvent::Left { why: Gone::NoRoom, returns: false, .. }]));
}

#[test]
fn two_claims_in_one_presence_are_no_claim_and_a_new_one_replaces_the_old() {
    let mut rooms = inside(true);
    let boss = "ops@rooms.example.org/boss";
    let forged = format!(
        "<presence xmlns='jabber:client' from='{boss}' to='hv1@vms.example.org/atoll'>\
         <x xmlns='http://jabber.org/protocol/muc#user'>{}</x><x xmlns='http://jabber.org/protocol/muc#user'>{}</x></presence>",
        occupant("boss@example.org/desk"),
        occupant("eve@example.org/x")
    );
    let forged = Presence::try_from(forged.parse::<Element>().unwrap()).unwrap();
    rooms.on_presence(&forged, Some("hv1"), Instant::now());
    assert_eq!(real(&rooms, boss), None);
    let two = occupant("boss@example.org/desk") + &occupant("eve@example.org/x");
    rooms.on_presence(&presence("boss", "", &two), Some("hv1"), Instant::now());
    assert_eq!(real(&rooms, boss), None);
    enter(&mut rooms, "boss", "boss@example.org/desk");
    assert_eq!(real(&rooms, boss).as_deref(), Some("boss@example.org"));
    // Somebody else behind the same nick, and nobody that can be seen.
    enter(&mut rooms, "boss", "eve@example.org/x");
    assert_eq!(real(&rooms, boss).as_deref(), Some("eve@example.org"));
    rooms.on_presence(
        &presence("boss", "", "<item affiliation='none' role='participant'/>"),
        Some("hv1"),
        Instant::now(),
    );
    assert_eq!(real(&rooms, boss), None);
    // A change of nick takes the old one away before the new one is there.
    enter(&mut rooms, "boss", "boss@example.org/desk");
    let renamed = "<item affiliation='none' role='participant' nick='chief'/><status code='303'/>";
    rooms.on_presence(&presence("boss", "type='unavailable'", renamed), Some("hv1"), Instant::now());
    assert_eq!((real(&rooms, boss), real(&rooms, "ops@rooms.example.org/chief")), (None, None));
}

#[test]
fn where_it_was_taken_along_it_stays_away_when_it_is_thrown_out_and_says_so_once() {
    let kicked = "<item affiliation='none' role='none'/><status code='307'/><status code='110'/>";
    let destroyed = "<item affiliation='none' role='none'/><destroy/><status code='110'/>";
    for (gone, why) in [(kicked, Gone::Kicked), (destroyed, Gone::Closed)] {
        let mut rooms = none(&["rooms.example.org"]);
        join(&mut rooms, Join { standing: false, ..wish("hv1") });
        let now = Instant::now();
        let out = presence("hv1", "type='unavailable'", gone);
        let outcome = rooms.on_presence(&out, Some("hv1"), now).unwrap();
        let left = RoomEvent::Left { entity: Some("hv1".to_owned()), room: room(), why, returns: false };
        assert_eq!(outcome.events, [left]);
        // Whoever makes the room anew, or says that we are in, changes nothing.
        let own = "<item affiliation='none' role='participant'/><status code='110'/>";
        assert_eq!(rooms.on_presence(&presence("hv1", "", own), Some("hv1"), now), None);
        assert!(!rooms.is_in(Some("hv1"), &room()) && rooms.on_link_up(now).is_empty());
        assert!(rooms.on_tick(now + Duration::from_secs(100_000)).send.is_empty());
    }
    // For technical reasons, and when the server goes, it comes back; where it was never in, it gives up at once.
    let mut rooms = none(&["rooms.example.org"]);
    join(&mut rooms, Join { standing: false, ..wish("hv1") });
    let technical =
        "<item affiliation='none' role='none'/><status code='307'/><status code='333'/><status code='110'/>";
    let outcome = rooms.on_presence(&presence("hv1", "type='unavailable'", technical), Some("hv1"), Instant::now());
    assert!(matches!(&outcome.unwrap().events[..], [RoomEvent::Left { returns: true, .. }]));
    let mut rooms = none(&["rooms.example.org"]);
    let now = Instant::now();
    rooms.join(Join { standing: false, ..wish("hv1") }, now);
    let silent = rooms.on_tick(now + Duration::from_secs(31));
    assert!(matches!(&silent.events[..], [RoomEvent::Left { why: Gone::Silent, returns: false, .. }]));
    assert_eq!(rooms.count(), (0, 0));
}

#[test]
fn a_room_that_our_entering_made_is_opened_once() {
    let mut rooms = none(&[]);
    let now = Instant::now();
    rooms.join(wish("hv1"), now);
    let made = "<item affiliation='owner' role='moderator'/><status code='110'/><status code='201'/>";
    let outcome = rooms.on_presence(&presence("hv1", "", made), Some("hv1"), now).unwrap();
    assert_eq!(outcome.open, Some(Unlock { entity: Some("hv1".to_owned()), room: room() }));
    let outcome = rooms.on_presence(&presence("hv1", "", made), Some("hv1"), now).unwrap();
    assert_eq!(outcome.open, None);
}
