//! Who may do what: the one place that is asked, whatever the channel.

use std::sync::Arc;

use dialogue::spec::Role;
use parking_lot::RwLock;

use crate::config::Grant;

/// The allow-list. Clones share it, so that a reloaded configuration counts everywhere at once.
#[derive(Clone, Debug, Default)]
pub struct Access {
    lists: Arc<RwLock<Lists>>,
}

#[derive(Debug, Default)]
struct Lists {
    people: Vec<(String, Role)>,
    domains: Vec<(String, Role)>,
}

impl Access {
    /// From the configuration.
    pub fn new(grants: &[Grant]) -> Self {
        let access = Self::default();
        access.replace(grants);
        access
    }

    /// From a configuration that was read again. Gives what counted before.
    pub fn replace(&self, grants: &[Grant]) -> Self {
        let mut lists = Lists::default();
        for grant in grants {
            match grant.who.strip_prefix('@') {
                Some(domain) => lists.domains.push((prepared(domain), grant.role)),
                None => lists.people.push((prepared(&grant.who), grant.role)),
            }
        }
        let former = std::mem::replace(&mut *self.lists.write(), lists);
        Self { lists: Arc::new(RwLock::new(former)) }
    }

    /// What somebody may do: the entry of their own address, else that of their domain; `None` for strangers.
    ///
    /// `who` is a bare address; it is prepared as servers do (RFC 7622), so that case and full-width letters don't matter and
    /// look-alike letters stay strangers.
    pub fn role(&self, who: &str) -> Option<Role> {
        self.role_of(&prepared(who))
    }

    /// The same of an address as it is in a [`jid::BareJid`], which is prepared already: asked for thousands of entities at a time.
    pub fn role_of(&self, who: &str) -> Option<Role> {
        let lists = self.read();
        let own = lists.people.iter().find(|(person, _)| person == who).map(|(_, role)| *role);
        own.or_else(|| {
            let domain = who.rsplit_once('@').map_or(who, |(_, domain)| domain);
            lists.domains.iter().find(|(known, _)| known == domain).map(|(_, role)| *role)
        })
    }

    /// Whether somebody may take entities along to rooms, and have them stay there.
    pub fn may_invite(&self, who: &jid::BareJid) -> bool {
        self.role(who.as_str()) >= Some(Role::Operator)
    }

    /// People with at least that role, to name in a refusal.
    pub fn who_can(&self, role: Role) -> Vec<String> {
        self.read().people.iter().filter(|(_, has)| *has >= role).map(|(person, _)| person.clone()).collect()
    }

    fn read(&self) -> parking_lot::RwLockReadGuard<'_, Lists> {
        self.lists.read()
    }
}

/// An address in the form in which addresses are compared; what is none is compared as it is.
fn prepared(address: &str) -> String {
    jid::BareJid::new(address).map_or_else(|_| address.to_owned(), |jid| jid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let grant = |who: &str, role| Grant { who: who.to_owned(), role };
        Access::new(&[
            grant("alice@example.org", Role::Admin),
            grant("@example.org", Role::Viewer),
            grant("Bob@Example.org", Role::Operator),
        ])
    }

    #[test]
    fn addresses_are_compared_as_servers_compare_them() {
        for (who, role) in [
            ("alice@example.org", Some(Role::Admin)),
            ("ALICE@EXAMPLE.ORG", Some(Role::Admin)),
            ("bob@example.org", Some(Role::Operator)),
            ("carol@example.org", Some(Role::Viewer)),
            // Full-width letters fold to plain ones; Cyrillic look-alikes stay somebody else.
            ("\u{ff41}lice@example.org", Some(Role::Admin)),
            ("\u{430}lice@example.org", Some(Role::Viewer)),
            ("alice@example.org.evil.net", None),
            ("alice@evil.net", None),
            ("", None),
        ] {
            assert_eq!(access().role(who), role, "{who}");
        }
    }
}
