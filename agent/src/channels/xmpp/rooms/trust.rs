//! Which domains run rooms that are believed, and at which people live: what the configuration says, and nothing else.
//!
//! It is asked at the moment something is judged. No room, no join and no remembered fact carries trust with it, so
//! none can smuggle it in.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;
use xmpp_parsers::jid::BareJid;

/// What an address may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// People live at its domain: it is somebody's address and never a room.
    Home,
    /// A room of a service that the configuration names: believed about who is who.
    Believed,
    /// Anything else. Whoever speaks there is a stranger.
    Foreign,
}

/// The configuration's word on domains. Clones share it, so that a reloaded configuration counts everywhere at once.
#[derive(Clone, Debug, Default)]
pub struct Trust(Arc<RwLock<Domains>>);

/// The two sorts of domains that a configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// Room services that are believed.
    pub services: BTreeSet<String>,
    /// Domains of everybody who may do anything.
    pub homes: BTreeSet<String>,
}

impl Trust {
    /// From the configuration.
    pub fn new(domains: Domains) -> Self {
        Self(Arc::new(RwLock::new(domains)))
    }

    /// From a configuration that was read again.
    pub fn replace(&self, domains: Domains) {
        *self.0.write() = domains;
    }

    /// What an address may be. A domain that is both is a home: nobody is taken for a room by mistake.
    pub fn standing(&self, address: &BareJid) -> Standing {
        let domains = self.0.read();
        let domain = address.domain().as_str();
        if domains.homes.contains(domain) {
            Standing::Home
        } else if domains.services.contains(domain) {
            Standing::Believed
        } else {
            Standing::Foreign
        }
    }
}
