//! One stream element as a bounded, flat list of XML events.
//!
//! Typed stanza parsing recurses once per nesting level, and so does dropping
//! the tree it builds: some thousand nested elements, 30 KB on the wire,
//! overflow a thread's stack and abort the process. So nothing is built before
//! the whole element was seen to be of sane depth and size. [`Flat`] collects
//! events without recursion; [`Flat::parse`] replays them into the typed parser.
//!
//! On the way the component namespace (XEP-0114) becomes `jabber:client`, so
//! that the same stanza types serve components and clients.

use std::sync::Arc;

use minidom::rxml::{AttrMap, Event, Namespace, QName};
use tokio_xmpp::xmlstream::{FallibleStreamElement, RawStanzaHeader};
use xmpp_parsers::ns;
use xso::error::{Error, FromEventsError};
use xso::{Context, FromEventsBuilder, FromXml};

/// Nesting beyond which an element is refused.
pub const MAX_DEPTH: usize = 64;
/// Number of XML events beyond which an element is refused.
pub const MAX_EVENTS: usize = 8_192;
/// Bytes on the wire beyond which an element is refused.
pub const MAX_BYTES: usize = 256 * 1024;

/// Ends an attribute value that was cut because it was overlong
/// (see `filter`). A noncharacter would be invalid XML;
/// this is the last private-use code point.
pub const CUT: char = '\u{10FFFD}';

/// What stood in an element's start tag, kept for an error reply.
pub struct Header {
    /// Local name: `iq`, `message`, `presence` or anything else.
    pub name: String,
    /// `from`, `to`, `id`, `type` as received.
    pub raw: RawStanzaHeader,
}

/// A stream element as received, not yet parsed.
pub enum Flat {
    /// Complete and within bounds.
    Whole(Header, Vec<Item>),
    /// Too deep, too long or with an overlong attribute; its contents are gone.
    Excessive(Header),
}

/// One XML event with the language in effect.
pub struct Item {
    event: Event,
    language: Option<Arc<str>>,
}

impl std::fmt::Debug for Flat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(header, items) => write!(f, "Whole({}, {})", header.name, items.len()),
            Self::Excessive(header) => write!(f, "Excessive({})", header.name),
        }
    }
}

impl Flat {
    /// Replays the events into the typed parser.
    ///
    /// Gives the start tag, and either what the parser made of the element or
    /// `None` if it was excessive or no stream element that is known.
    pub fn parse(self) -> (Header, Option<FallibleStreamElement>) {
        let (header, items) = match self {
            Self::Excessive(header) => return (header, None),
            Self::Whole(header, items) => (header, items),
        };
        (header, replay(items))
    }

    /// Whether the element was refused for its size.
    pub fn is_excessive(&self) -> bool {
        matches!(self, Self::Excessive(_))
    }
}

fn replay(items: Vec<Item>) -> Option<FallibleStreamElement> {
    let mut items = items.into_iter();
    let first = items.next()?;
    let Event::StartElement(_, qname, attrs) = first.event else {
        return None;
    };
    let ctx = Context::empty().with_language(first.language.as_deref());
    let mut builder = FallibleStreamElement::from_events(qname, attrs, &ctx).ok()?;
    for item in items {
        let ctx = Context::empty().with_language(item.language.as_deref());
        if let Some(element) = builder.feed(item.event, &ctx).ok()? {
            return Some(element);
        }
    }
    None
}

/// Collects a [`Flat`].
pub struct FlatBuilder {
    header: Option<Header>,
    items: Vec<Item>,
    language: Option<Arc<str>>,
    component: bool,
    depth: usize,
    bytes: usize,
    excessive: bool,
}

impl FlatBuilder {
    fn keep(&mut self, event: Event, bytes: usize, ctx: &Context<'_>) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.depth > MAX_DEPTH || self.items.len() >= MAX_EVENTS || self.bytes > MAX_BYTES {
            self.excessive = true;
            // Memory is given back at once: the rest may be long in coming.
            self.items = Vec::new();
        }
        if self.excessive {
            return;
        }
        if self.language.as_deref() != ctx.language() {
            self.language = ctx.language().map(Arc::from);
        }
        let language = self.language.clone();
        self.items.push(Item { event, language });
    }

    fn start(&mut self, mut qname: QName, attrs: AttrMap, bytes: usize, ctx: &Context<'_>) {
        self.depth += 1;
        if attrs.values().any(|value| value.ends_with(CUT)) {
            self.excessive = true;
        }
        if self.component && qname.0.as_str() == ns::COMPONENT {
            qname.0 = Namespace::from(ns::DEFAULT_NS);
        }
        let metrics = minidom::rxml::parser::EventMetrics::new(bytes);
        self.keep(Event::StartElement(metrics, qname, attrs), bytes, ctx);
    }
}

impl FromXml for Flat {
    type Builder = FlatBuilder;

    fn from_events(qname: QName, attrs: AttrMap, ctx: &Context<'_>) -> Result<Self::Builder, FromEventsError> {
        let get = |name: &str| attrs.get(&Namespace::NONE, name).cloned();
        let header = Header {
            name: qname.1.to_string(),
            raw: RawStanzaHeader { from: get("from"), to: get("to"), type_: get("type"), id: get("id") },
        };
        let mut builder = FlatBuilder {
            // The handshake is the one element that belongs to the component
            // protocol itself; everything else is an ordinary stanza.
            component: header.name != "handshake",
            header: Some(header),
            items: Vec::new(),
            language: None,
            depth: 0,
            bytes: 0,
            excessive: false,
        };
        let bytes = attrs.values().map(String::len).sum();
        builder.start(qname, attrs, bytes, ctx);
        Ok(builder)
    }
}

impl FromEventsBuilder for FlatBuilder {
    type Output = Flat;

    fn feed(&mut self, event: Event, ctx: &Context<'_>) -> Result<Option<Flat>, Error> {
        match event {
            Event::StartElement(metrics, qname, attrs) => {
                self.start(qname, attrs, metrics.len(), ctx);
            }
            Event::EndElement(metrics) => {
                self.keep(Event::EndElement(metrics), metrics.len(), ctx);
                self.depth -= 1;
                if self.depth == 0 {
                    let Some(header) = self.header.take() else {
                        return Err(Error::Other("event after the end of the element"));
                    };
                    let items = std::mem::take(&mut self.items);
                    return Ok(Some(if self.excessive { Flat::Excessive(header) } else { Flat::Whole(header, items) }));
                }
            }
            Event::Text(metrics, text) => {
                let bytes = metrics.len();
                self.keep(Event::Text(metrics, text), bytes, ctx);
            }
            // Only ever before the stream header.
            Event::XmlDeclaration(..) => {}
        }
        Ok(None)
    }
}
