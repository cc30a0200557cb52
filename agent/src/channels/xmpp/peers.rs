//! What people's clients can do, learned from their capabilities (XEP-0115).
//!
//! A client tells a hash with its presence; what stands behind a hash is asked
//! for once. It is kept for everybody only if the hash fits: otherwise one
//! client could make all others of its make look like bots.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use minidom::Element;
use xmpp_parsers::caps::{Caps, compute_disco, hash_caps, query_caps};
use xmpp_parsers::disco::{DiscoInfoQuery, DiscoInfoResult};
use xmpp_parsers::jid::Jid;
use xmpp_parsers::ns;
use xmpp_parsers::presence::Presence;

/// Devices and hashes remembered.
const MAX_KNOWN: usize = 20_000;

/// What a client says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    features: BTreeSet<String>,
    bot: bool,
}

/// All clients known.
#[derive(Default)]
pub struct Peers {
    devices: HashMap<Jid, (Vec<u8>, Option<Arc<Abilities>>)>,
    hashes: HashMap<Vec<u8>, Arc<Abilities>>,
}

impl Peers {
    /// A device shows itself. Gives the question to ask it, if it is unknown.
    pub fn on_available(&mut self, from: &Jid, presence: &Presence) -> Option<DiscoInfoQuery> {
        let payload = presence.payloads.iter().find(|payload| payload.is("c", ns::CAPS))?;
        let caps = Caps::try_from(payload.clone()).ok()?;
        // Its algorithm belongs to a hash: two could give the same bytes.
        let key = [caps.ver.as_slice(), format!("{:?}", caps.hash).as_bytes()].concat();
        if self.devices.get(from).is_some_and(|(known, _)| *known == key) {
            return None;
        }
        if self.devices.len() >= MAX_KNOWN {
            self.devices.clear();
        }
        let known = self.hashes.get(&key).cloned();
        let ask = known.is_none();
        self.devices.insert(from.clone(), (key, known));
        ask.then(|| query_caps(caps))
    }

    /// A device is gone.
    pub fn on_unavailable(&mut self, from: &Jid) {
        self.devices.remove(from);
    }

    /// A device answered. Gives whether it is a bot.
    pub fn learn(&mut self, from: &Jid, payload: Element) -> Option<bool> {
        let info = DiscoInfoResult::try_from(payload).ok()?;
        let (key, abilities) = self.devices.get_mut(from)?;
        let is_bot = |category: &str, type_: &str| category == "client" && type_ == "bot";
        let learned = Arc::new(Abilities {
            bot: info.identities.iter().any(|i| is_bot(&i.category, &i.type_)),
            features: info.features.clone(),
        });
        *abilities = Some(Arc::clone(&learned));
        let bot = learned.bot;
        let data = compute_disco(&info);
        let fits = [xmpp_parsers::hashes::Algo::Sha_1, xmpp_parsers::hashes::Algo::Sha_256]
            .into_iter()
            .filter_map(|algo| hash_caps(&data, algo).ok())
            .any(|hash| *key == [hash.hash.as_slice(), format!("{:?}", hash.algo).as_bytes()].concat());
        if fits && self.hashes.len() < MAX_KNOWN {
            self.hashes.insert(key.clone(), learned);
        }
        Some(bot)
    }

    /// Whether a device says that it has a feature. For a bare address: any of
    /// the person's devices.
    pub fn supports(&self, who: &Jid, feature: &str) -> bool {
        self.of(who).any(|abilities| abilities.features.contains(feature))
    }

    /// Whether a device says that it is a bot.
    pub fn is_bot(&self, who: &Jid) -> bool {
        self.of(who).any(|abilities| abilities.bot)
    }

    fn of(&self, who: &Jid) -> impl Iterator<Item = &Abilities> {
        let exact = self.devices.get(who);
        let bare = who.is_bare().then(|| {
            let same = |(jid, _): &(&Jid, _)| jid.to_bare() == *who;
            self.devices.iter().filter(same).map(|(_, device)| device)
        });
        let all = exact.into_iter().chain(bare.into_iter().flatten());
        all.filter_map(|(_, abilities)| abilities.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use xmpp_parsers::disco::Identity;
    use xmpp_parsers::hashes::Algo;

    use super::*;

    fn info(type_: &str) -> DiscoInfoResult {
        DiscoInfoResult {
            node: None,
            identities: vec![Identity::new_anonymous::<_, _, String, String>("client", type_)],
            features: [ns::PING.to_owned()].into(),
            extensions: Vec::new(),
        }
    }

    fn shown(info: &DiscoInfoResult) -> Presence {
        let hash = hash_caps(&compute_disco(info), Algo::Sha_1).unwrap();
        Presence::available().with_payload(Caps::new("https://client.example", hash))
    }

    #[test]
    fn a_client_is_asked_once_and_a_false_answer_harms_nobody_else() {
        let mut peers = Peers::default();
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        let (eve, ann, bob) = (jid("eve@x/1"), jid("ann@x/1"), jid("bob@x/1"));
        let phone = info("phone");
        let presence = shown(&phone);
        assert!(peers.on_available(&eve, &presence).is_some());
        assert_eq!(peers.learn(&eve, info("bot").into()), Some(true));
        assert!(peers.on_available(&ann, &presence).is_some());
        assert_eq!(peers.learn(&ann, phone.into()), Some(false));
        assert!(peers.on_available(&bob, &presence).is_none());
        assert!(peers.is_bot(&eve) && !peers.is_bot(&ann) && !peers.is_bot(&bob));
        assert!(peers.supports(&jid("bob@x"), ns::PING));
        peers.on_unavailable(&bob);
        assert!(!peers.supports(&bob, ns::PING));
    }
}
