//! Rooms, through a real conference service: who is answered, by what right, and what the room hears.

use std::time::{Duration, Instant};

use agent::state::journal::{Entry, Journal};
use agent::state::lock::StoreLock;
use serde_json::{Value, json};
use tests::servers::person::Person;

use crate::world::{HV1, WEB1, World};

const OPS: &str = "ops@rooms.localhost";
const VEILED: &str = "veil@veiled.localhost";

fn world() -> World {
    let room = |address: &str| format!("[[room]]\naddress = \"{address}\"\nas = \"hv1\"\n");
    World::prepare(&[("web1", true), ("db1", false)], &(room(OPS) + &room(VEILED)))
}

#[test]
fn in_a_room_only_what_is_addressed_counts_by_the_real_address_of_who_says_it() {
    let mut world = world();
    let (mut alice, mut mallory) = (world.person("alice"), world.person("mallory"));
    alice.join(OPS, "alice");
    world.atoll.start();
    alice.wait("the host in the room", |event| {
        event["from"] == "ops@rooms.localhost/hv1" && event["kind"] == "presence"
    });

    alice.say_in_room(OPS, "web1: restart");
    alice.hear("ops@rooms.localhost/hv1", "web1 is rebooting.");
    alice.say_in_room(OPS, "web1: pause for 5 minutes");
    let asked = alice.hear("ops@rooms.localhost/hv1", "Go?");
    assert!(asked.contains("web1: yes"), "it is said how to answer: {asked}");
    alice.say_in_room(OPS, "yes");
    alice.say_in_room(OPS, "shall we have lunch?");
    alice.say_in_room(OPS, "@hv1 is web1 running?");
    alice.hear("ops@rooms.localhost/hv1", "web1 is running.");
    alice.say_in_room(OPS, "web1: yes");
    alice.hear("ops@rooms.localhost/hv1", "web1 is paused.");

    // An admin's look-alike nick gives no rights; nor does a word through the room to the host alone.
    mallory.join(OPS, "alice\u{435}");
    for text in ["web1: resume", "web1: pull the plug", "web1: web1", "@hv1 start db1"] {
        mallory.say_in_room(OPS, text);
    }
    mallory.say_with(
        "ops@rooms.localhost/hv1",
        "chat",
        "start db1",
        "<x xmlns='http://jabber.org/protocol/muc#user'/>",
    );
    alice.hear("ops@rooms.localhost/alice\u{435}", "@hv1 start db1");
    alice.say_with(
        "ops@rooms.localhost/hv1",
        "chat",
        "is db1 running?",
        "<x xmlns='http://jabber.org/protocol/muc#user'/>",
    );
    alice.hear("ops@rooms.localhost/hv1", "db1 is off.");

    // What happens elsewhere is told to the room once.
    alice.ask(WEB1, "resume", "web1 goes on.");
    alice.hear("ops@rooms.localhost/hv1", "alice has just resumed web1.");
    alice.ask(HV1, "list", "2 machines, 1 of them running");
    let hosts = |event: &serde_json::Value| {
        event["from"] == "ops@rooms.localhost/hv1" && event["kind"] == "message" && event["body"] != ""
    };
    assert_eq!(alice.count(hosts), 0, "nothing more was said: {}", alice.inbox());
    let done: Vec<String> = world.atoll.begun().into_iter().map(|(skill, _)| skill).collect();
    assert_eq!(done, ["vm.reboot", "vm.pause", "vm.resume"]);
}

#[test]
fn whoever_speaks_without_a_known_address_in_a_room_learns_nothing() {
    let mut world = world();
    let mut alice = world.person("alice");
    alice.join(VEILED, "alice");
    world.atoll.start();
    alice.wait("the host in the room", |event| {
        event["from"] == "veil@veiled.localhost/hv1" && event["kind"] == "presence"
    });
    // It is said once why, and then never again.
    alice.say_in_room(VEILED, "web1: status");
    alice.hear("veil@veiled.localhost/hv1", "I can't see who you are in this room");
    for text in ["web1: status", "web1: pause", "@hv1 list"] {
        alice.say_in_room(VEILED, text);
    }
    // Through the room to the host alone: one refusal, whatever the nick.
    let mark = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
    alice.say_with("veil@veiled.localhost/hv1", "chat", "list", mark);
    alice.hear("veil@veiled.localhost/hv1", "I don't know you");
    alice.say_with("veil@veiled.localhost/hv1", "chat", "is web1 running?", mark);
    // Whatever was said to the room before this was said.
    alice.ask(WEB1, "status", "web1 is running.");
    let said = |event: &Value| {
        event["bare"] == VEILED && event["from"] != "veil@veiled.localhost/alice" && event["body"] != ""
    };
    assert_eq!(alice.count(|event| event["kind"] == "message" && said(event)), 0, "{}", alice.inbox());
    assert_eq!(world.atoll.begun(), []);
}

fn invite(room: &str) -> String {
    format!("<message to='{HV1}'><x xmlns='jabber:x:conference' jid='{room}'/></message>")
}

/// Whether the host came to a room, as one who sits in it sees it.
fn came(room: &str) -> impl Fn(&Value) -> bool {
    let host = format!("{room}/hv1");
    move |event| event["from"] == host.as_str() && event["kind"] == "presence" && event["type"] == ""
}

#[test]
fn a_host_comes_along_when_an_operator_invites_it_and_with_nobody_else() {
    let world = World::start();
    let (mut otto, mut victor, mut mallory) = (world.person("otto"), world.person("victor"), world.person("mallory"));
    for (person, nick) in [(&mut mallory, "mallory"), (&mut victor, "victor")] {
        let room = format!("trap-{nick}@rooms.localhost");
        person.join(&room, nick);
        person.send(&invite(&room));
        // Nor through the room.
        person.send(&format!(
            "<message to='{room}'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='{HV1}'/></x></message>"
        ));
    }
    assert!(victor.hear(HV1, "You may not do that").contains("operator"));
    // Of an operator three rooms, and no more.
    for room in ["one", "two", "three"].map(|name| format!("{name}@rooms.localhost")) {
        otto.join(&room, "otto");
        otto.send(&invite(&room));
        otto.wait("the host in the room", came(&room));
    }
    otto.join("four@rooms.localhost", "otto");
    otto.send(&invite("four@rooms.localhost"));
    otto.hear(HV1, "as many as I follow");
    // Its service is no trusted one here: everybody is a stranger.
    otto.say_in_room("one@rooms.localhost", "web1: status");
    otto.ask(WEB1, "status", "web1 is running.");
    assert_eq!(otto.heard("one@rooms.localhost/hv1", ""), 0, "{}", otto.inbox());
    for (person, room) in [(&mallory, "trap-mallory"), (&victor, "trap-victor"), (&otto, "four")] {
        let room = format!("{room}@rooms.localhost");
        assert_eq!(person.count(came(&room)), 0, "{room}: {}", person.inbox());
    }
}

#[test]
fn a_room_that_threw_it_out_is_not_entered_again_and_one_it_was_taken_to_is() {
    let mut world = World::prepare(&[("web1", true)], "[rooms]\ntrusted = [\"rooms.localhost\"]\n");
    world.atoll.start();
    let mut otto = world.person("otto");
    let (kept, left) = ("kept@rooms.localhost", "left@rooms.localhost");
    for room in [kept, left] {
        otto.join(room, "otto");
        otto.send(&invite(room));
        otto.wait("the host in the room", came(room));
    }
    otto.send(&format!(
        "<iq type='set' id='k' to='{left}'><query xmlns='http://jabber.org/protocol/muc#admin'>\
         <item nick='hv1' role='none'/></query></iq>"
    ));
    world.atoll.wait_log("out of a room for good", 1);
    otto.forget();
    world.atoll.stop();
    world.atoll.start();
    otto.wait("the host back in the room", came(kept));
    otto.say_in_room(kept, "web1: status");
    otto.hear("kept@rooms.localhost/hv1", "web1 is running.");
    assert_eq!(otto.count(came(left)), 0, "{}", otto.inbox());
    // Otto loses the right: the room goes with it, at once and for good.
    world.atoll.reconfigure("role = \"operator\"", "role = \"viewer\"");
    world.atoll.reload();
    otto.wait("the host leaving", |event| {
        event["from"] == "kept@rooms.localhost/hv1" && event["type"] == "unavailable"
    });
    world.atoll.stop();
    otto.forget();
    world.atoll.start();
    otto.ask(WEB1, "status", "web1 is running.");
    assert_eq!(otto.count(came(kept)), 0, "{}", otto.inbox());
}

/// Plays a room at a person's own address: one client is the host's place in it, the other claims to be alice.
fn play_room(room: &str, seat: &mut Person, claimer: &mut Person) {
    let to = format!("{HV1}/atoll");
    let presence =
        |x: &str| format!("<presence to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'>{x}</x></presence>");
    claimer.send(&presence("<item affiliation='owner' role='moderator' jid='alice@localhost/phone'/>"));
    seat.send(&presence("<item affiliation='none' role='participant'/><status code='100'/><status code='110'/>"));
    for text in ["web1: pull the plug", "web1: web1", "web1: pause", "web1: status", "hv1: list"] {
        claimer.say_with(&to, "groupchat", text, "");
    }
    for text in ["pull the plug", "web1", "pause", "status"] {
        claimer.say_with(&to, "chat", text, "<x xmlns='http://jabber.org/protocol/muc#user'/>");
    }
    // Each client sees that what it sent before has arrived.
    for client in [seat, claimer] {
        client.send(&format!("<iq type='get' id='{room}' to='vms.localhost'><ping xmlns='urn:xmpp:ping'/></iq>"));
        client.wait("the answer to a ping", |event| event["kind"] == "iq" && event["id"] == room);
    }
}

#[test]
fn a_viewer_who_plays_a_room_at_their_own_address_gains_nothing_and_locks_nobody_out() {
    let mut world = World::start();
    let mut alice = world.person("alice");
    world.server.account("victor");
    let room = "victor@localhost";
    let mut seat = Person::log_in_with(&world.server, room, "hv1");
    let mut claimer = Person::log_in_with(&world.server, room, "alice");
    claimer.send(&invite(room));
    for _ in 0..2 {
        play_room(room, &mut seat, &mut claimer);
        // Everybody of that domain is who they are.
        alice.ask(WEB1, "status", "web1 is running.");
        world.atoll.stop();
        world.atoll.start();
    }
    play_room(room, &mut seat, &mut claimer);
    alice.ask(WEB1, "pause", "web1 is paused.");
    assert_eq!(world.atoll.begun(), [("vm.pause".to_owned(), "web1".to_owned())]);
    assert_eq!(seat.count(|event| event["xml"].as_str().is_some_and(|xml| xml.contains("protocol/muc\""))), 0);
}

#[test]
fn a_room_elsewhere_that_claims_an_admins_address_gives_nobody_a_right_even_after_a_restart() {
    let mut world = World::start();
    let (mut otto, mut alice) = (world.person("otto"), world.person("alice"));
    let room = "mallory@elsewhere.localhost";
    let (mut seat, mut claimer) = (world.outsider("mallory", "hv1"), world.outsider("mallory", "alice"));
    // An operator was talked into it.
    otto.send(&invite(room));
    let join = |event: &Value| event["bare"] == HV1 && event["kind"] == "presence" && event["type"] == "";
    seat.wait("the host wanting in", join);
    for _ in 0..2 {
        play_room(room, &mut seat, &mut claimer);
        alice.ask(WEB1, "status", "web1 is running.");
        world.atoll.stop();
        world.atoll.start();
        seat.wait("the host wanting in again", join);
    }
    play_room(room, &mut seat, &mut claimer);
    alice.ask(WEB1, "status", "web1 is running.");
    let answers = |person: &Person| {
        person.count(|event| event["kind"] == "message" && event["body"] != "" && event["type"] == "groupchat")
    };
    assert_eq!((answers(&seat), answers(&claimer)), (0, 0), "{}", claimer.inbox());
    for words in ["running", "machines", "plug"] {
        assert_eq!(claimer.heard(HV1, words), 0, "{words}: {}", claimer.inbox());
    }
    assert_eq!(world.atoll.begun(), []);
}

#[test]
fn a_room_for_which_a_journal_names_nobody_is_not_entered_again() {
    let mut world = World::prepare(&[("web1", true)], "");
    let trap = "trap@rooms.localhost";
    {
        let lock = StoreLock::take(&world.atoll.store(), "test").expect("nobody else is there");
        let journal = Journal::open(&lock, None).expect("a journal").journal;
        let value = json!({ "room": trap, "entity": "hv1" });
        let entry = Entry::fact("room", &format!("{trap}|hv1"), value);
        journal.write(jiff::Timestamp::now(), entry, false).expect("it can be written");
    }
    let mut alice = world.person("alice");
    alice.join(trap, "alice");
    world.atoll.start();
    world.atoll.wait_log("nobody is answerable for this room", 1);
    alice.ask(WEB1, "status", "web1 is running.");
    assert_eq!(alice.count(came(trap)), 0, "{}", alice.inbox());
    world.atoll.stop();
    world.atoll.start();
    assert!(!world.atoll.log().contains("nobody is answerable"), "it is taken back: {}", world.atoll.log());
}

#[test]
fn two_thousand_invitations_by_a_viewer_hold_nobody_up_and_leave_nothing_behind() {
    let world = World::start();
    let (mut alice, mut victor) = (world.person("alice"), world.person("victor"));
    let quick = |alice: &mut Person| {
        let begin = Instant::now();
        alice.ask(WEB1, "status", "web1 is running.");
        begin.elapsed()
    };
    let usual = (0..5).map(|_| quick(&mut alice)).max().expect("five");
    for number in 0..2_000 {
        victor.send(&invite(&format!("r{number}@rooms.localhost")));
    }
    let during = (0..5).map(|_| quick(&mut alice)).max().expect("five");
    // The last of them has arrived.
    victor.ask(WEB1, "is it running?", "web1");
    assert!(during < usual + Duration::from_secs(1), "{during:?} where {usual:?} is usual");
    let rooms = world
        .atoll
        .journal()
        .into_iter()
        .filter(|line| matches!(&line.entry, Entry::Fact { sort, .. } if sort == "room"));
    assert_eq!(rooms.count(), 0);
    assert_eq!(victor.heard(HV1, "You may not do that"), 1, "{}", victor.inbox());
}

#[test]
fn a_room_that_its_coming_makes_is_open_to_others() {
    let world = World::start();
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    let room = "new@locked.localhost";
    alice.ask(HV1, &format!("join {room}"), "I'm in");
    // A locked room would refuse them until it is opened.
    let enter = format!("<presence to='{room}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
    for attempt in 0.. {
        assert!(attempt < 1_000, "it stays locked: {}", world.atoll.log());
        bob.send(&enter);
        let answer = bob.wait("an answer of the room", |event| {
            let xml = event["xml"].as_str().unwrap_or_default();
            event["bare"] == room && (event["type"] == "error" || xml.contains("code=\"110\""))
        });
        if answer["type"] != "error" {
            break;
        }
    }
    assert!(bob.count(came(room)) == 1, "{}", bob.inbox());
}
