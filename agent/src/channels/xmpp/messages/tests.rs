//! What is heard and what is not.

use super::*;

fn reading(attributes: &str, payload: &str) -> Reading {
    let stanza = format!("<message xmlns='jabber:client' to='web1@vms.example.org/x' {attributes}>{payload}</message>");
    let element: Element = stanza.parse().unwrap();
    let domain = BareJid::new("vms.example.org").unwrap();
    read(Message::try_from(element).unwrap(), &domain)
}

fn heard(payload: &str) -> Heard {
    match reading("from='ann@example.org/phone' type='chat' id='7'", payload) {
        Reading::Heard(heard) => *heard,
        other => panic!("{payload}: {other:?}"),
    }
}

#[test]
fn nothing_is_heard_from_errors_headlines_ourselves_or_copies() {
    let ann = "from='ann@example.org/phone'";
    let body = "<body>destroy</body>";
    let inner = "<message xmlns='jabber:client' from='admin@example.org'><body>destroy</body></message>";
    let forwarded = format!("<forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded>");
    let cases = [
        (format!("{ann} type='headline'"), body.to_owned()),
        ("from='hv1@vms.example.org/x' type='chat'".to_owned(), body.to_owned()),
        ("type='chat'".to_owned(), body.to_owned()),
        (format!("{ann} type='chat'"), format!("{body}<sent xmlns='urn:xmpp:carbons:2'>{forwarded}</sent>")),
        (format!("{ann} type='chat'"), format!("{body}{forwarded}")),
        (format!("{ann} type='chat'"), format!("{body}<result xmlns='urn:xmpp:mam:2' id='1'>{forwarded}</result>")),
        (format!("{ann} type='chat'"), "<body>  </body>".to_owned()),
        (format!("{ann} type='chat'"), "<received xmlns='urn:xmpp:receipts' id='1'/>".to_owned()),
    ];
    for (attributes, payload) in cases {
        assert_eq!(reading(&attributes, &payload), Reading::Nothing, "{attributes} {payload}");
    }
    let bounced = reading(
        &format!("{ann} type='error' id='9'"),
        &format!(
            "{body}<error type='cancel'><service-unavailable \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        ),
    );
    assert!(
        matches!(&bounced, Reading::Bounced { condition: DefinedCondition::ServiceUnavailable, .. }),
        "{bounced:?}"
    );
}

#[test]
fn everything_a_client_says_about_its_message_is_read() {
    let heard = heard(
        "<body>&gt; Which disk?\nvda</body><thread>t1</thread>\
         <replace xmlns='urn:xmpp:message-correct:0' id='6'/>\
         <origin-id xmlns='urn:xmpp:sid:0' id='o7'/>\
         <request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>\
         <active xmlns='http://jabber.org/protocol/chatstates'/>\
         <reply xmlns='urn:xmpp:reply:0' to='web1@vms.example.org' id='5'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>\
         <body start='0' end='14'/></fallback>",
    );
    assert_eq!(heard.body, "vda");
    assert_eq!(heard.entity.as_deref(), Some("web1"));
    assert_eq!(heard.id.as_deref(), Some("7"));
    assert_eq!(heard.origin_id.as_deref(), Some("o7"));
    assert_eq!(heard.replaces.as_deref(), Some("6"));
    assert_eq!(heard.reply_to.as_ref().unwrap().id, "5");
    assert_eq!(heard.thread.as_deref(), Some("t1"));
    assert!(heard.wants_receipt && heard.markable && !heard.encrypted);
    assert_eq!(heard.chat_state, Some(ChatState::Active));
    assert_eq!(heard.authority().unwrap().as_str(), "ann@example.org");
}

#[test]
fn the_fallback_text_of_an_encrypted_message_is_never_a_command() {
    for mark in [
        "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>",
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload/></encrypted>",
        "<encrypted xmlns='urn:xmpp:omemo:2'/>",
        "<x xmlns='jabber:x:encrypted'>…</x>",
    ] {
        let heard = heard(&format!("<body>destroy web1</body>{mark}"));
        assert!(heard.encrypted && heard.body.is_empty(), "{mark}");
    }
}

#[test]
fn a_late_message_tells_its_age_whatever_the_stamp_looks_like() {
    let stamp = |stamp: &str| heard(&format!("<body>x</body><delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>")).delayed;
    let seconds = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(heard("<body>x</body>").delayed, None);
    assert_eq!(stamp("2026-03-01T10:00:00Z"), Some(seconds("2026-03-01T10:00:00Z")));
    assert_eq!(stamp("2026-03-01T10:00:00+02:00"), Some(seconds("2026-03-01T08:00:00Z")));
    assert_eq!(stamp("soon"), Some(Timestamp::UNIX_EPOCH));
    let legacy = heard("<body>x</body><x xmlns='jabber:x:delay' stamp='20260301T10:00:00'/>");
    assert_eq!(legacy.delayed, Some(seconds("2026-03-01T10:00:00Z")));
    // Two stamps: a forged young one doesn't hide the old one.
    let two = heard(
        "<body>x</body><delay xmlns='urn:xmpp:delay' stamp='2026-03-01T10:00:00Z'/>\
         <delay xmlns='urn:xmpp:delay' stamp='2026-03-02T10:00:00Z'/>",
    );
    assert_eq!(two.delayed, Some(seconds("2026-03-01T10:00:00Z")));
}

#[test]
fn an_invitation_counts_from_its_sender_and_never_through_a_room() {
    let direct = "<x xmlns='jabber:x:conference' jid='ops@rooms.example.org' password='p'/>";
    let Reading::Invited(invitation) = reading("from='ann@example.org/phone'", direct) else {
        panic!("not understood");
    };
    assert_eq!(invitation.room.as_str(), "ops@rooms.example.org");
    assert_eq!(invitation.by.as_str(), "ann@example.org");
    assert_eq!(invitation.password.as_deref(), Some("p"));
    // What a room says of who invites is worth nothing, with or without a direct one beside it.
    let mediated = "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='ann@example.org/phone'/></x>";
    for payload in [mediated.to_owned(), format!("{mediated}{direct}"), format!("{direct}{mediated}")] {
        assert_eq!(reading("from='ops@rooms.example.org'", &payload), Reading::Nothing, "{payload}");
    }
}
