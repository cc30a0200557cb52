//! Stanzas that no client sends and anybody may.

use proptest::strategy::Strategy;

fn pick(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    proptest::sample::select(words)
}

/// Well-formed stanzas of pieces that mean something together or don't.
pub fn odd_stanza() -> impl Strategy<Value = String> {
    let name = || {
        pick(&[
            "body",
            "show",
            "priority",
            "error",
            "thread",
            "x",
            "query",
            "item",
            "delay",
            "c",
            "subject",
            "replace",
            "handshake",
            "conflict",
            "invite",
            "reply",
            "fallback",
        ])
    };
    let space = || {
        pick(&[
            "",
            "",
            "xmlns='jabber:client'",
            "xmlns='http://jabber.org/protocol/muc#user'",
            "xmlns='urn:xmpp:delay'",
            "xmlns='http://jabber.org/protocol/disco#info'",
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'",
            "xmlns='urn:xmpp:reply:0'",
            "xmlns='http://etherx.jabber.org/streams'",
            "xmlns=''",
            "xmlns='urn:xmpp:sm:3'",
            "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'",
            "xmlns='urn:xmpp:fallback:0'",
        ])
    };
    let attribute = || {
        pick(&[
            "",
            "type='bogus'",
            "type='error'",
            "jid='@@'",
            "code='110'",
            "stamp='never'",
            "start='-1' end='99999999999999999999'",
            "xml:lang='en'",
            "id=''",
            "ver='?' hash=''",
        ])
    };
    let text = || pick(&["", "\u{202e}x", "300", "&lt;a&gt;&#x0A;&amp;", "  ", "\u{10FFFD}", "𝕏"]);
    let leaf = (name(), space(), attribute(), text())
        .prop_map(|(name, space, attribute, text)| format!("<{name} {space} {attribute}>{text}</{name}>"));
    let child = leaf.prop_recursive(6, 24, 4, move |inner| {
        let children = proptest::collection::vec(inner, 0..4);
        (name(), space(), attribute(), children).prop_map(|(name, space, attribute, children)| {
            format!("<{name} {space} {attribute}>{}</{name}>", children.concat())
        })
    });
    let kind = pick(&["message", "presence", "iq"]);
    let from = pick(&["", "from='a@localhost/x'", "from='@'", "from='vms.localhost'"]);
    let to = pick(&["", "to='web1@vms.localhost'", "to='a b@vms.localhost'"]);
    let type_ = pick(&["", "type='get'", "type='set'", "type='result'", "type='error'", "type='probe'"]);
    let id = pick(&["", "id='1'", "id=''"]);
    let children = proptest::collection::vec(child, 0..4);
    (kind, from, to, type_, id, children).prop_map(|(kind, from, to, type_, id, children)| {
        format!("<{kind} {from} {to} {type_} {id}>{}</{kind}>", children.concat())
    })
}
