//! Which address is whose. A localpart is fixed at first sight and kept with the UUID; nothing is registered at the server.
//!
//! Rules: the libvirt name escaped (XEP-0106); a clash, judged after nodeprep, gets `-2`; a rename adds the new address
//! while the old one keeps answering; a removed machine's address answers for 30 days, then it is free.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::host::{Machine, MachineId};

/// How long the address of a removed machine answers.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whom one talks to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// The component's bare domain.
    Desk,
    /// A hypervisor, by its configured name.
    Hypervisor(String),
    /// A machine.
    Machine(MachineId),
}

/// One address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Whose.
    pub entity: Entity,
    /// The name it was given for.
    pub name: String,
    /// Since when the machine is gone.
    pub gone: Option<Timestamp>,
}

/// All addresses.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    by_localpart: BTreeMap<String, Record>,
    /// The newest address of each entity: the one it speaks from.
    current: BTreeMap<Entity, String>,
}

/// The localpart of a name: escaped and prepared as servers do. Control characters, which no address may hold, become `-`.
pub fn localpart(name: &str) -> String {
    let tame: String =
        name.trim().chars().map(|character| if character.is_control() { '-' } else { character }).collect();
    crate::xmpp::address::escape(&tame)
        .unwrap_or_else(|| tame.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase())
}

impl Addresses {
    /// Takes a remembered address back.
    pub fn restore(&mut self, local: String, record: Record) {
        if record.gone.is_none() {
            self.current.insert(record.entity.clone(), local.clone());
        }
        self.by_localpart.insert(local, record);
    }

    /// Brings addresses in line with what there is; gives the new and changed ones, to be written down.
    pub fn sync<'a>(
        &mut self,
        hypervisors: impl Iterator<Item = &'a str>,
        machines: impl Iterator<Item = &'a Machine>,
        now: Timestamp,
    ) -> Vec<(String, Option<Record>)> {
        let mut changed = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let wanted: Vec<(Entity, String)> = hypervisors
            .map(|name| (Entity::Hypervisor(name.to_owned()), name.to_owned()))
            .chain(machines.map(|machine| (Entity::Machine(machine.id.clone()), machine.name.clone())))
            .collect();
        for (entity, name) in wanted {
            seen.insert(entity.clone());
            let known = self
                .current
                .get(&entity)
                .and_then(|local| self.by_localpart.get(local))
                .is_some_and(|record| record.name == name && record.gone.is_none());
            if !known {
                let local = self.free(&localpart(&name), &entity);
                let record = Record { entity: entity.clone(), name, gone: None };
                self.current.insert(entity, local.clone());
                self.by_localpart.insert(local.clone(), record.clone());
                changed.push((local, Some(record)));
            }
        }
        let mut free = Vec::new();
        for (local, record) in &mut self.by_localpart {
            match record.gone {
                _ if seen.contains(&record.entity) => record.gone = None,
                None => {
                    record.gone = Some(now);
                    changed.push((local.clone(), Some(record.clone())));
                }
                Some(gone) if now.duration_since(gone) > KEPT => free.push(local.clone()),
                Some(_) => {}
            }
        }
        for local in free {
            if let Some(record) = self.by_localpart.remove(&local) {
                self.current.remove(&record.entity);
            }
            changed.push((local, None));
        }
        changed
    }

    /// Who answers at a localpart.
    pub fn entity(&self, local: &str) -> Option<&Entity> {
        self.by_localpart.get(local).map(|record| &record.entity)
    }

    /// Where an entity speaks from; the desk has no localpart.
    pub fn local(&self, entity: &Entity) -> Option<&str> {
        self.current.get(entity).map(String::as_str)
    }

    /// The name of a removed machine, while its address answers.
    pub fn gone(&self, local: &str) -> Option<(&str, Timestamp)> {
        self.by_localpart.get(local).and_then(|record| Some((record.name.as_str(), record.gone?)))
    }

    /// A localpart that is free or the entity's own already.
    fn free(&self, wish: &str, entity: &Entity) -> String {
        let wish = if wish.is_empty() { "machine" } else { wish };
        let usable = |local: &str| self.by_localpart.get(local).is_none_or(|record| record.entity == *entity);
        if usable(wish) {
            return wish.to_owned();
        }
        (2..)
            .map(|number| format!("{wish}-{number}"))
            .find(|local| usable(local))
            .expect("there are more numbers than addresses")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::State;

    fn machine(number: u128, name: &str) -> Machine {
        let id = MachineId { hypervisor: "hv1".to_owned(), uuid: uuid::Uuid::from_u128(number) };
        Machine::new(id, name, State::Off)
    }

    fn sync(addresses: &mut Addresses, machines: &[Machine], now: Timestamp) {
        addresses.sync(["hv1"].into_iter(), machines.iter(), now);
    }

    #[test]
    fn an_address_stays_with_its_machine() {
        let mut addresses = Addresses::default();
        let start = Timestamp::UNIX_EPOCH;
        let (web, twin) = (machine(1, "web1"), machine(2, "Web1"));
        sync(&mut addresses, &[web.clone(), twin.clone()], start);
        assert_eq!(addresses.local(&Entity::Machine(web.id.clone())), Some("web1"));
        assert_eq!(addresses.local(&Entity::Machine(twin.id.clone())), Some("web1-2"));
        // A rename adds an address, and the old one keeps answering.
        let renamed = machine(1, "front");
        sync(&mut addresses, &[renamed, twin.clone()], start);
        assert_eq!(addresses.local(&Entity::Machine(web.id.clone())), Some("front"));
        assert_eq!(addresses.entity("web1"), Some(&Entity::Machine(web.id.clone())));
        // A removed machine answers for 30 days, then its address is free.
        sync(&mut addresses, std::slice::from_ref(&twin), start);
        assert!(addresses.gone("front").is_some());
        sync(&mut addresses, std::slice::from_ref(&twin), start + SignedDuration::from_hours(31 * 24));
        assert_eq!(addresses.entity("front"), None);
    }

    #[test]
    fn odd_names_make_valid_addresses() {
        for (name, local) in [("vm 42", "vm\\2042"), ("a/b@c", "a\\2fb\\40c"), ("db-eu-3", "db-eu-3")] {
            assert_eq!(localpart(name), local);
            assert!(jid::BareJid::new(&format!("{}@vms.example.org", localpart(name))).is_ok());
        }
    }
}
