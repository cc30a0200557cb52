//! What messages carry besides their text: delay, corrections, receipts, chat states, encryption; and stanzas made to hurt.

use serde_json::Value;

use crate::world::{HV1, WEB1, World};

fn xml(event: &Value) -> &str {
    event["xml"].as_str().unwrap_or_default()
}

#[test]
fn a_message_of_yesterday_is_asked_about_and_never_run() {
    let world = World::start();
    let mut alice = world.person("alice");
    let yesterday = "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2024-01-01T12:00:00Z'/>";
    for (text, words) in
        [("force off", "Type web1 to go on."), ("web1", ""), ("cancel", ""), ("shut down", "it only reached me now")]
    {
        alice.say_with(WEB1, "chat", text, yesterday);
        alice.hear(WEB1, words);
    }
    assert_eq!(alice.ask(HV1, "is web1 running?", "running"), "web1 is running.");
    assert_eq!(world.atoll.begun(), [], "nothing was run");
}

#[test]
fn an_edited_message_corrects_the_open_plan_and_never_runs_a_done_one_again() {
    let world = World::start();
    let mut alice = world.person("alice");
    let first = alice.say(WEB1, "pull the plug");
    alice.hear(WEB1, "Type web1 to go on.");
    let replaces = |id: &str| format!("<replace xmlns='urn:xmpp:message-correct:0' id='{id}'/>");
    alice.say_with(WEB1, "chat", "hard reset", &replaces(&first));
    alice.hear(WEB1, "Press the reset button of web1");
    alice.ask(WEB1, "no", "Nothing was changed.");
    let pause = alice.say(WEB1, "pause");
    alice.hear(WEB1, "web1 is paused.");
    alice.say_with(WEB1, "chat", "resume", &replaces(&pause));
    let asked = alice.hear(WEB1, "");
    assert!(asked.ends_with('?'), "asked before something is done again: {asked}");
    alice.ask(WEB1, "no", "");
    alice.ask(HV1, "is web1 running?", "web1 is paused");
    assert_eq!(world.atoll.begun(), [("vm.pause".to_owned(), "web1".to_owned())]);
}

#[test]
fn receipts_are_answered_and_an_encrypted_message_is_declined_once() {
    let world = World::start();
    let mut alice = world.person("alice");
    let asked = alice.say_with(WEB1, "chat", "status", "<request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/><markable xmlns='urn:xmpp:chat-markers:0'/>");
    alice.wait("the receipt", |event| {
        xml(event).contains("urn:xmpp:receipts") && xml(event).contains(&format!("id=\"{asked}\""))
    });
    let answer = alice.wait("the answer", |event| event["body"] == "web1 is running.");
    assert!(xml(&answer).contains("http://jabber.org/protocol/chatstates"), "{answer}");

    let encrypted = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted><store xmlns='urn:xmpp:hints'/>";
    for _ in 0..2 {
        alice.say_with(WEB1, "chat", "shut down", encrypted);
    }
    assert!(alice.hear(WEB1, "encrypted").contains("I can't read"));
    alice.ask(WEB1, "status", "web1 is running.");
    assert_eq!(alice.heard(WEB1, "encrypted"), 0, "said once: {}", alice.inbox());
    assert_eq!(world.atoll.begun(), []);
}

#[test]
fn stanzas_made_to_hurt_hurt_nobody() {
    let mut world = World::start();
    let (mut alice, mut mallory) = (world.person("alice"), world.person("mallory"));
    let nested = |depth: usize| format!("{}{}", "<x xmlns='urn:x'>".repeat(depth), "</x>".repeat(depth));
    let deep = |kilobytes: usize| nested(kilobytes * 1024 / 21);
    let long = "y".repeat(150 * 1024);
    let poison = [
        format!("<message to='{WEB1}' type='chat'><body>status</body>{}</message>", deep(28)),
        format!("<message to='{WEB1}' type='chat'><body>status</body>{}</message>", deep(200)),
        format!("<message to='{WEB1}' type='chat'><body>{long}</body></message>"),
        format!("<message to='{WEB1}' type='chat' id='{long}'><body>status</body></message>"),
        format!("<message to='{WEB1}' type='bogus'><body>status</body><body>twice</body></message>"),
        format!("<presence to='{WEB1}'><show>bogus</show></presence>"),
        format!("<presence to='{WEB1}'><priority>loud</priority></presence>"),
        format!("<presence to='{WEB1}'><priority>9999999999</priority></presence>"),
        format!(
            "<iq to='{WEB1}' type='get' id='q1'><query xmlns='http://jabber.org/protocol/disco#info' node='{}'/></iq>",
            "n".repeat(9_000)
        ),
        format!("<iq to='{WEB1}' type='result' id='guess'/>"),
        format!("<iq to='{WEB1}' type='get' id='q2'><vCard xmlns='vcard-temp'>{}</vCard></iq>", nested(500)),
        format!(
            "<message to='{WEB1}' type='chat'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='alice@localhost/phone' to='{WEB1}' type='chat'><body>shut down</body></message></forwarded></sent></message>"
        ),
    ];
    for stanza in &poison {
        mallory.send(stanza);
        // Whoever can send it may be let in as well.
        alice.send(stanza);
    }
    // What was sent before it has been read when this is answered.
    alice.forget();
    mallory.say("alice@localhost", "all sent");
    alice.hear("mallory@localhost", "all sent");
    alice.ask(HV1, "is web1 running?", "web1 is running.");
    assert!(world.atoll.runs());
    assert_eq!(world.atoll.log().matches("connected server").count(), 1, "the connection held:\n{}", world.atoll.log());
    assert_eq!(world.atoll.begun(), []);
}
