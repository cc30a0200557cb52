//! Replies (XEP-0461) and the parts of a body that only older clients are to
//! see (XEP-0428).

use xmpp_parsers::jid::Jid;
use xmpp_parsers::message::MessagePayload;
use xso::{AsXml, FromXml};

/// The namespace of XEP-0461.
pub const NS: &str = "urn:xmpp:reply:0";
/// The namespace of XEP-0428.
pub const NS_FALLBACK: &str = "urn:xmpp:fallback:0";

/// The message that this one answers.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = NS, name = "reply")]
pub struct ReplyTo {
    /// Who wrote it.
    #[xml(attribute(default))]
    pub to: Option<Jid>,
    /// Its id.
    #[xml(attribute)]
    pub id: String,
}

impl MessagePayload for ReplyTo {}

/// Marks text that stands in the body only for clients without some extension.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = NS_FALLBACK, name = "fallback")]
pub struct Fallback {
    /// The namespace of the extension it stands for.
    #[xml(attribute(name = "for", default))]
    pub what: Option<String>,
    /// The parts of the body; the whole body if there are none.
    #[xml(child(n = ..))]
    pub parts: Vec<BodyPart>,
}

impl MessagePayload for Fallback {}

/// A part of the body, in code points.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = NS_FALLBACK, name = "body")]
pub struct BodyPart {
    /// The first code point.
    #[xml(attribute(default))]
    pub start: Option<usize>,
    /// The one after the last.
    #[xml(attribute(default))]
    pub end: Option<usize>,
}

/// The body without the quotation that `fallbacks` mark as standing for a reply.
///
/// Only such parts are taken out, and only if something remains: a body must
/// not be emptied, or given another meaning, by a mark that means nothing here.
pub fn without_quotation(body: &str, fallbacks: &[Fallback]) -> String {
    let parts =
        fallbacks.iter().filter(|fallback| fallback.what.as_deref() == Some(NS)).flat_map(|fallback| &fallback.parts);
    let ranges: Vec<_> = parts.filter_map(|part| Some(part.start?..part.end?)).collect();
    let kept: String = body
        .chars()
        .enumerate()
        .filter(|(at, _)| !ranges.iter().any(|range| range.contains(at)))
        .map(|(_, c)| c)
        .collect();
    if kept.trim().is_empty() {
        return body.to_owned();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quotation_goes_and_the_answer_stays() {
        let element: minidom::Element = "<fallback xmlns='urn:xmpp:fallback:0' \
            for='urn:xmpp:reply:0'><body start='0' end='14'/></fallback>"
            .parse()
            .unwrap();
        let fallback = Fallback::try_from(element).unwrap();
        let body = "> Stop wéb1?\n\nyes";
        assert_eq!(without_quotation(body, std::slice::from_ref(&fallback)), "yes");
        assert_eq!(without_quotation("> Stop wéb1?\n", &[fallback]), "> Stop wéb1?\n");
        let other =
            Fallback { what: Some("urn:xmpp:other".into()), parts: vec![BodyPart { start: Some(0), end: Some(6) }] };
        assert_eq!(without_quotation("don't stop", &[other]), "don't stop");
    }
}
