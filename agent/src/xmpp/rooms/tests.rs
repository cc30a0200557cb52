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

fn wish(entity: &str, trusted: bool) -> Join {
    Join { entity: Some(entity.to_owned()), room: room(), nick: entity.to_owned(), password: None, trusted }
}

/// A presence from the room: attributes, and the contents of `<x/>`.
fn presence(nick: &str, attributes: &str, x: &str) -> Presence {
    let nick = nick.replace('&', "&amp;");
    let text = format!(
        "<presence xmlns='jabber:client' from='{ROOM}/{nick}' to='hv1@vms.example.org/atoll' {attributes}>\
         <x xmlns='http://jabber.org/protocol/muc#user'>{x}</x></presence>"
    );
    Presence::try_from(text.parse::<Element>().unwrap()).unwrap()
}

fn occupant(jid: &str) -> String {
    format!("<item affiliation='none' role='participant' jid='{jid}'/>")
}

fn inside(trusted: bool) -> Rooms {
    let mut rooms = Rooms::new(BareJid::new("vms.example.org").unwrap());
    let now = Instant::now();
    let sent = rooms.join(wish("hv1", trusted), now);
    assert_eq!(sent.to.unwrap(), jid("ops@rooms.example.org/hv1"));
    let own = "<item affiliation='none' role='participant'/><status code='100'/><status code='110'/>";
    let outcome = rooms.on_presence(&presence("hv1", "", own), Some("hv1"), now).unwrap();
    assert!(matches!(&outcome.events[..], [RoomEvent::Joined { .. }]), "{outcome:?}");
    rooms
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
fn in_an_anonymous_or_untrusted_room_everybody_is_a_guest() {
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
    let mut rooms = Rooms::new(BareJid::new("vms.example.org").unwrap());
    let now = Instant::now();
    rooms.join(wish("hv1", true), now);
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
