//! What entities answer to questions about themselves: service discovery
//! (XEP-0030) with lists by pages (XEP-0059), capabilities (XEP-0115), vCard (XEP-0054), version (XEP-0092),
//! time (XEP-0202), ping (XEP-0199).

use std::collections::BTreeMap;

use jiff::Timestamp;
use minidom::Element;
use xmpp_parsers::caps::{Caps, compute_disco, hash_caps};
use xmpp_parsers::disco::{DiscoInfoQuery, DiscoInfoResult, DiscoItemsQuery, DiscoItemsResult, Identity, Item};
use xmpp_parsers::hashes::Algo;
use xmpp_parsers::jid::BareJid;
use xmpp_parsers::ns;
use xmpp_parsers::stanza_error::{DefinedCondition, ErrorType, StanzaError};
use xmpp_parsers::vcard::{Binval, Photo, Type, VCard};
use xmpp_parsers::version::VersionResult;

use super::avatar::avatar;
use super::entities::{Access, Class, Directory, EntityInfo};
use super::{address, conference, faults, pages, quick, replies};

/// The namespace of ad-hoc commands (XEP-0050).
pub const NS_COMMANDS: &str = "http://jabber.org/protocol/commands";
/// The node under which capabilities are published.
const NODE: &str = "urn:atoll:caps";
/// What every entity does.
const FEATURES: [&str; 17] = [
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::RSM,
    ns::CAPS,
    ns::PING,
    ns::VERSION,
    ns::TIME,
    ns::VCARD,
    ns::RECEIPTS,
    ns::DISPLAYED_MARKERS,
    ns::CHATSTATES,
    ns::MESSAGE_CORRECT,
    NS_COMMANDS,
    conference::NS,
    quick::NS,
    replies::NS,
    "urn:xmpp:styling:0",
];

/// An answer to a request: a payload, nothing, or an error.
pub type Reply = Result<Option<Element>, Box<StanzaError>>;

/// Who asks: what is told depends on it.
pub struct Asker<'a> {
    /// The person; `None` is a guest, who is told what everybody may know.
    pub person: Option<&'a BareJid>,
    /// Decides what that person may see.
    pub access: &'a dyn Access,
}

impl Asker<'_> {
    fn may_see(&self, entity: Option<&str>) -> bool {
        self.person.is_some_and(|person| self.access.may_see(person, entity))
    }
}

/// Answers questions about entities.
pub struct Disco {
    domain: BareJid,
    features: Vec<String>,
    caps: BTreeMap<Class, Caps>,
}

impl Disco {
    /// `features` are namespaces that the agent answers to besides.
    pub fn new(domain: BareJid, features: Vec<String>) -> Self {
        let mut disco = Self { domain, features, caps: BTreeMap::new() };
        for class in [Class::Desk, Class::Hypervisor, Class::Machine] {
            let data = compute_disco(&disco.info(class, None));
            let hash = hash_caps(&data, Algo::Sha_1).expect("SHA-1 is implemented");
            disco.caps.insert(class, Caps::new(NODE, hash));
        }
        disco
    }

    /// The capabilities shown with the presence of a class of entity.
    pub fn caps(&self, class: Class) -> Caps {
        self.caps[&class].clone()
    }

    /// The answer of an entity to a request, or `None` if it is no question
    /// about itself and the agent is to be asked.
    pub fn answer(
        &self,
        info: &EntityInfo,
        payload: &Element,
        asker: &Asker<'_>,
        directory: &dyn Directory,
        now: Timestamp,
    ) -> Option<Reply> {
        let space = payload.ns();
        Some(Ok(Some(match (payload.name(), space.as_str()) {
            ("ping", ns::PING) => return Some(Ok(None)),
            ("query", ns::DISCO_INFO) => match DiscoInfoQuery::try_from(payload.clone()) {
                Ok(query) => return Some(self.info_of(info, query.node, asker)),
                Err(_) => return Some(Err(bad_request())),
            },
            ("query", ns::DISCO_ITEMS) => match DiscoItemsQuery::try_from(payload.clone()) {
                Ok(query) => return Some(self.items_of(info, query, asker, directory)),
                Err(_) => return Some(Err(bad_request())),
            },
            ("query", ns::VERSION) => VersionResult {
                name: "Atoll".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                os: info.os.as_deref().map(address::xml_text),
            }
            .into(),
            ("time", ns::TIME) => Element::builder("time", ns::TIME)
                .append(Element::builder("tzo", ns::TIME).append("+00:00"))
                .append(Element::builder("utc", ns::TIME).append(seconds(now).as_str()))
                .build(),
            ("vCard", ns::VCARD) => vcard(info),
            _ => return None,
        })))
    }

    fn info(&self, class: Class, node: Option<String>) -> DiscoInfoResult {
        let identity = |category: &str, type_: &str| Identity::new_anonymous::<_, _, String, String>(category, type_);
        let identities = match class {
            Class::Desk => vec![identity("component", "generic"), identity("client", "bot")],
            Class::Hypervisor => vec![identity("client", "bot"), identity("hierarchy", "branch")],
            Class::Machine => vec![identity("client", "bot"), identity("hierarchy", "leaf")],
        };
        let own = self.features.iter().cloned();
        DiscoInfoResult {
            node,
            identities,
            features: FEATURES.iter().map(|&f| f.to_owned()).chain(own).collect(),
            extensions: Vec::new(),
        }
    }

    fn info_of(&self, info: &EntityInfo, node: Option<String>, asker: &Asker<'_>) -> Reply {
        let Some(asked) = node.as_deref() else {
            return Ok(Some(self.info(info.class, None).into()));
        };
        // Whatever hash follows: an older one is answered with what is true now.
        if asked.starts_with(NODE) {
            return Ok(Some(self.info(info.class, node).into()));
        }
        let seen = asker.may_see(info.local.as_deref());
        let command = info.commands.iter().find(|command| command.node == asked);
        let (identity, features) = match command {
            _ if !seen => return Err(not_found()),
            None if asked == NS_COMMANDS => {
                (Identity::new_anonymous::<_, _, String, String>("automation", "command-list"), vec![])
            }
            None => return Err(not_found()),
            Some(command) => (
                Identity {
                    name: Some(address::xml_text(&command.name)),
                    ..Identity::new_anonymous::<_, _, String, String>("automation", "command-node")
                },
                vec![NS_COMMANDS.to_owned(), ns::DATA_FORMS.to_owned()],
            ),
        };
        let result = DiscoInfoResult {
            node,
            identities: vec![identity],
            features: features.into_iter().collect(),
            extensions: Vec::new(),
        };
        Ok(Some(result.into()))
    }

    fn items_of(
        &self,
        info: &EntityInfo,
        query: DiscoItemsQuery,
        asker: &Asker<'_>,
        directory: &dyn Directory,
    ) -> Reply {
        let (own, node) = (info.local.as_deref(), query.node);
        let (items, rsm) = match node.as_deref() {
            None if info.class == Class::Machine => (Vec::new(), None),
            None => {
                let mut listed = directory.below(own);
                listed.retain(|local| asker.may_see(Some(local)));
                let (page, rsm) = pages::page(&listed, |local| local, query.rsm.as_ref()).ok_or_else(not_found)?;
                // One that has gone in this very moment is left out.
                let named = page.iter().filter_map(|local| Some((local, directory.called(local)?)));
                (named.map(|(local, name)| self.item(Some(local), None, &name)).collect(), rsm)
            }
            Some(NS_COMMANDS) if asker.may_see(own) => {
                (info.commands.iter().map(|command| self.item(own, Some(&command.node), &command.name)).collect(), None)
            }
            Some(NS_COMMANDS) => (Vec::new(), None),
            Some(_) => return Err(not_found()),
        };
        Ok(Some(DiscoItemsResult { node, items, rsm }.into()))
    }

    fn item(&self, local: Option<&str>, node: Option<&str>, name: &str) -> Item {
        Item {
            jid: address::bare(&self.domain, local).into(),
            node: node.map(str::to_owned),
            name: Some(address::xml_text(name)),
        }
    }
}

/// Name, identity and picture of an entity.
fn vcard(info: &EntityInfo) -> Element {
    let field = |name: &str, text: &str| Element::builder(name, ns::VCARD).append(address::xml_text(text)).build();
    let mut payloads = vec![field("FN", &info.name), field("NICKNAME", &info.name)];
    payloads.extend(info.uuid.map(|uuid| field("UID", &format!("urn:uuid:{uuid}"))));
    payloads.extend(info.os.as_deref().map(|os| field("NOTE", os)));
    let photo = Photo {
        type_: Type { data: "image/png".to_owned() },
        binval: Binval { data: avatar(info.class, info.os.as_deref()).png.clone() },
    };
    VCard { photo: Some(photo), payloads }.into()
}

fn seconds(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn not_found() -> Box<StanzaError> {
    Box::new(faults::error(ErrorType::Cancel, DefinedCondition::ItemNotFound))
}

fn bad_request() -> Box<StanzaError> {
    Box::new(faults::error(ErrorType::Modify, DefinedCondition::BadRequest))
}

/// An offset from UTC (XEP-0082): `Z`, `+02:00` or `-05:30`.
pub fn parse_offset(text: &str) -> Option<jiff::tz::Offset> {
    if text == "Z" {
        return Some(jiff::tz::Offset::UTC);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = i32::from(hours.parse::<u8>().ok()?) * 60 + i32::from(minutes.parse::<u8>().ok()?);
    jiff::tz::Offset::from_seconds(sign * minutes * 60).ok()
}
