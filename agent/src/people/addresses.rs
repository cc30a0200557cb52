//! Which address is whose. A localpart is fixed at first sight and kept with the UUID; nothing is registered at the server.
//!
//! Rules: the libvirt name escaped (XEP-0106); a clash, judged after nodeprep, gets `-2`; a rename adds the new address
//! while the old one keeps answering; a removed machine's address answers for 30 days, then it is free. Only libvirt says
//! that a machine is gone: of a hypervisor that was not read, nothing is. A machine on another hypervisor is the same machine, at
//! the same address; within the 30 days an address goes over to a machine defined anew under the same name on the same hypervisor.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::host::{Machine, MachineId};
use crate::state::journal::Table;

/// Facts in the journal: addresses.
pub const ADDRESS: &str = "address";

/// How long the address of a removed machine answers.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

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

impl Entity {
    /// The hypervisor it is, or is on.
    pub fn hypervisor(&self) -> Option<&str> {
        match self {
            Self::Desk => None,
            Self::Hypervisor(name) => Some(name),
            Self::Machine(id) => Some(&id.hypervisor),
        }
    }
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
    /// Whether its entity has a newer address, from which it speaks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
}

/// All addresses.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    by_localpart: BTreeMap<String, Record>,
    /// The addresses of each entity; it speaks from the last.
    held: HashMap<Entity, Vec<String>>,
}

/// A configured hypervisor, and whether its machines have been read: only then is one that is not among them gone.
pub type Read<'a> = (&'a str, bool);

/// What became of addresses, for those who have them in their contacts.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Its entity is gone; the address answers until it is freed.
    Gone(String, Record),
    /// Its entity is there again.
    Back(String),
    /// Another machine of the same name has it now.
    TakenOver(String, Record),
    /// The same machine has it, on another hypervisor.
    Moved(String, Record),
    /// It is nobody's any more.
    Freed(String),
}

/// What a comparison with the hosts changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// To be written down: the record of a localpart, or that there is none any more.
    pub facts: Vec<(String, Option<Record>)>,
    /// To be told.
    pub news: Vec<News>,
}

/// The localpart of a name: escaped and prepared as servers do. Control characters, which no address may hold, become `-`.
pub fn localpart(name: &str) -> String {
    let tame: String =
        name.trim().chars().map(|character| if character.is_control() { '-' } else { character }).collect();
    crate::channels::xmpp::address::escape(&tame)
        .unwrap_or_else(|| tame.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase())
}

impl Addresses {
    /// As the journal remembers them.
    pub fn restored(facts: &Table) -> Self {
        let mut addresses = Self::default();
        for (local, value) in facts.of(ADDRESS) {
            let Ok(record) = Record::deserialize(value) else { continue };
            let held = addresses.held.entry(record.entity.clone()).or_default();
            held.insert(if record.former { 0 } else { held.len() }, local.to_owned());
            addresses.by_localpart.insert(local.to_owned(), record);
        }
        addresses
    }

    /// Brings all addresses in line with what was read of the hosts.
    pub fn sync<'a>(
        &mut self,
        hypervisors: &[Read<'_>],
        machines: impl Iterator<Item = &'a Machine>,
        now: Timestamp,
    ) -> Changes {
        let mut wanted: BTreeMap<Entity, String> =
            hypervisors.iter().map(|(name, _)| (Entity::Hypervisor((*name).to_owned()), (*name).to_owned())).collect();
        wanted.extend(machines.map(|machine| (Entity::Machine(machine.id.clone()), machine.name.clone())));
        let mut changes = Changes::default();
        let unread: BTreeSet<&str> = hypervisors.iter().filter(|(_, read)| !read).map(|(name, _)| *name).collect();
        let locals: Vec<String> = self.by_localpart.keys().cloned().collect();
        for local in locals {
            let Some(record) = self.by_localpart.get(&local) else { continue };
            let there = wanted.contains_key(&record.entity);
            let unknown = record.entity.hypervisor().is_some_and(|hypervisor| unread.contains(hypervisor));
            if there || !unknown {
                self.mark(&local, there, now, &mut changes);
            }
        }
        // Hypervisors come first, and have their own names where they can.
        for (entity, name) in wanted {
            self.place(entity, name, &mut changes);
        }
        changes
    }

    /// The same for one machine of a hypervisor that was read: as it is, or `None` when it is not there.
    pub fn sync_machine(&mut self, id: &MachineId, machine: Option<&Machine>, now: Timestamp) -> Changes {
        let entity = Entity::Machine(machine.map_or(id, |machine| &machine.id).clone());
        let mut changes = Changes::default();
        for local in self.held.get(&entity).cloned().unwrap_or_default() {
            self.mark(&local, machine.is_some(), now, &mut changes);
        }
        if let Some(machine) = machine {
            self.place(entity, machine.name.clone(), &mut changes);
        }
        changes
    }

    /// Notes that the entity of an address is there, or is not; one that was gone for long is let go.
    fn mark(&mut self, local: &str, there: bool, now: Timestamp, changes: &mut Changes) {
        let Some(record) = self.by_localpart.get_mut(local) else { return };
        match record.gone {
            None if there => return,
            Some(_) if there => {
                record.gone = None;
                changes.news.push(News::Back(local.to_owned()));
            }
            None => {
                record.gone = Some(now);
                changes.news.push(News::Gone(local.to_owned(), record.clone()));
            }
            Some(gone) if now.duration_since(gone) > KEPT => {
                let entity = record.entity.clone();
                self.by_localpart.remove(local);
                self.let_go(&entity, local);
                changes.facts.push((local.to_owned(), None));
                changes.news.push(News::Freed(local.to_owned()));
                return;
            }
            Some(_) => return,
        }
        changes.facts.push((local.to_owned(), Some(record.clone())));
    }

    /// Gives an entity that is there its address, unless it has it.
    fn place(&mut self, entity: Entity, name: String, changes: &mut Changes) {
        let wish = localpart(&name);
        let wish = if wish.is_empty() { "machine".to_owned() } else { wish };
        self.note_place(&entity, changes);
        let before = self.by_localpart.get(&wish).cloned();
        let taken = before.as_ref().filter(|record| record.entity != entity && succeeds(&entity, &name, record));
        let present = self.local(&entity).map(str::to_owned);
        let known = present.as_ref().and_then(|local| self.by_localpart.get(local)).is_some_and(|r| r.name == name);
        if known && taken.is_none() {
            return;
        }
        let local = if taken.is_some() { wish } else { self.free(wish, &entity) };
        if let Some(former) = present.filter(|present| *present != local)
            && let Some(record) = self.by_localpart.get_mut(&former)
        {
            record.former = true;
            changes.facts.push((former.clone(), Some(record.clone())));
        }
        let record = Record { entity: entity.clone(), name, gone: None, former: false };
        if let Some(before) = taken {
            self.let_go(&before.entity, &local);
            changes.news.push(News::TakenOver(local.clone(), record.clone()));
        }
        let held = self.held.entry(entity).or_default();
        held.retain(|held| *held != local);
        held.push(local.clone());
        self.by_localpart.insert(local.clone(), record.clone());
        changes.facts.push((local, Some(record)));
    }

    /// Notes which hypervisor a machine is on that has addresses already.
    fn note_place(&mut self, entity: &Entity, changes: &mut Changes) {
        let held = self.held.get(entity).cloned().unwrap_or_default();
        for (number, local) in held.iter().enumerate() {
            let Some(record) = self.by_localpart.get_mut(local) else { continue };
            if record.entity.hypervisor() == entity.hypervisor() {
                continue;
            }
            record.entity = entity.clone();
            changes.facts.push((local.clone(), Some(record.clone())));
            if number + 1 == held.len() {
                changes.news.push(News::Moved(local.clone(), record.clone()));
            }
        }
    }

    fn let_go(&mut self, entity: &Entity, local: &str) {
        if let Some(held) = self.held.get_mut(entity) {
            held.retain(|held| held != local);
            if held.is_empty() {
                self.held.remove(entity);
            }
        }
    }

    /// What a localpart stands for.
    pub fn record(&self, local: &str) -> Option<&Record> {
        self.by_localpart.get(local)
    }

    /// Where an entity speaks from, gone or not; the desk has no localpart.
    pub fn local(&self, entity: &Entity) -> Option<&str> {
        self.held.get(entity)?.last().map(String::as_str)
    }

    /// All addresses of an entity, the one it speaks from last.
    pub fn held(&self, entity: &Entity) -> &[String] {
        self.held.get(entity).map_or(&[], Vec::as_slice)
    }

    /// The newest address of each entity that is not known to be gone.
    pub fn present(&self) -> impl Iterator<Item = (&str, &Record)> {
        let records = self.by_localpart.iter().filter(|(_, record)| record.gone.is_none() && !record.former);
        records.map(|(local, record)| (local.as_str(), record))
    }

    /// All addresses on a hypervisor, its own and those of machines that are gone among them.
    pub fn on<'a>(&'a self, hypervisor: &'a str) -> impl Iterator<Item = &'a str> {
        let records = self.by_localpart.iter().filter(move |(_, r)| r.entity.hypervisor() == Some(hypervisor));
        records.map(|(local, _)| local.as_str())
    }

    /// The machines that are not known to be gone, with their names: what exists until libvirt says otherwise.
    pub fn machines(&self) -> impl Iterator<Item = (&MachineId, &str)> {
        self.present().filter_map(|(_, record)| match &record.entity {
            Entity::Machine(id) => Some((id, record.name.as_str())),
            _ => None,
        })
    }

    /// A localpart that is free or the entity's own already.
    fn free(&self, wish: String, entity: &Entity) -> String {
        let usable = |local: &str| self.by_localpart.get(local).is_none_or(|record| record.entity == *entity);
        if usable(&wish) {
            return wish;
        }
        (2..)
            .map(|number| format!("{wish}-{number}"))
            .find(|local| usable(local))
            .expect("there are more numbers than addresses")
    }
}

/// Whether an entity takes an address over from one that is gone: it was defined anew under the same name on the same hypervisor.
fn succeeds(entity: &Entity, name: &str, record: &Record) -> bool {
    let (Entity::Machine(new), Entity::Machine(old)) = (entity, &record.entity) else { return false };
    record.gone.is_some() && new.hypervisor == old.hypervisor && record.name == name
}

#[cfg(test)]
mod tests;
