//! What the XMPP side asks of the agent: which entities there are and how they look, who may see them, who sees whom.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dialogue::reply::Phrase;
use jid::BareJid;
use jiff::{Timestamp, Zoned};

use crate::access::Access;
use crate::addresses::{Addresses, Entity, Record};
use crate::host::{HostRead, Machine, State};
use crate::journal::{Entry, Fact, Journal};
use crate::mind::Mind;
use crate::xmpp::contacts::{Contact, Roster};
use crate::xmpp::entities::{Access as MaySee, Class, Directory, EntityInfo, Show};

/// Facts in the journal: addresses.
pub const ADDRESS: &str = "address";
/// Facts in the journal: who sees whom.
pub const CONTACT: &str = "contact";
/// Facts in the journal: rooms joined in conversation.
pub const ROOM: &str = "room";

/// The switchboard.
pub struct Switchboard {
    host: Arc<dyn HostRead>,
    mind: Arc<Mind>,
    access: Access,
    journal: Arc<Journal>,
    addresses: RwLock<Addresses>,
    contacts: Mutex<Vec<Contact>>,
    manner: Manner,
}

/// How the agent presents itself.
pub struct Manner {
    /// The language of status lines.
    pub language: String,
    /// The component's domain.
    pub domain: String,
    /// The configured time zone.
    pub zone: jiff::tz::TimeZone,
}

impl Switchboard {
    /// With the facts that the journal remembers.
    pub fn new(
        host: Arc<dyn HostRead>,
        mind: Arc<Mind>,
        access: Access,
        journal: Arc<Journal>,
        facts: &[Fact],
        manner: Manner,
    ) -> Self {
        let mut addresses = Addresses::default();
        let mut records: std::collections::BTreeMap<String, Record> = std::collections::BTreeMap::new();
        let mut contacts: std::collections::BTreeMap<String, Contact> = std::collections::BTreeMap::new();
        for (sort, key, value) in facts {
            match sort.as_str() {
                ADDRESS => match serde_json::from_value(value.clone()) {
                    Ok(record) => drop(records.insert(key.clone(), record)),
                    Err(_) => drop(records.remove(key)),
                },
                CONTACT => match serde_json::from_value(value.clone()) {
                    Ok(contact) => drop(contacts.insert(key.clone(), contact)),
                    Err(_) => drop(contacts.remove(key)),
                },
                _ => {}
            }
        }
        for (local, record) in records {
            addresses.restore(local, record);
        }
        let contacts = contacts.into_values().collect();
        Self { host, mind, access, journal, addresses: RwLock::new(addresses), contacts: Mutex::new(contacts), manner }
    }

    /// Brings addresses in line with the machines there are; new ones are written down.
    pub fn sync(&self) {
        let hypervisors = self.host.hypervisors();
        let machines = self.host.machines();
        let changed = self.write().sync(
            hypervisors.iter().map(|hypervisor| hypervisor.name.as_str()),
            machines.iter().map(|machine| &**machine),
            Timestamp::now(),
        );
        for (local, record) in changed {
            let value = serde_json::to_value(record).expect("a record is plain data");
            self.fact(ADDRESS, &local, value);
        }
    }

    fn fact(&self, sort: &str, key: &str, value: serde_json::Value) {
        let entry = Entry::Fact { sort: sort.to_owned(), key: key.to_owned(), value };
        if let Err(error) = self.journal.write(Timestamp::now(), entry, false) {
            tracing::error!(%error, sort, key, "a fact could not be written down");
        }
    }

    /// Remembers a room, or forgets it.
    pub fn room_fact(&self, room: &str, entity: &str, within: bool) {
        let value =
            if within { serde_json::json!({ "room": room, "entity": entity }) } else { serde_json::Value::Null };
        self.fact(ROOM, &format!("{room}|{entity}"), value);
    }

    /// The component's domain: what the desk is called.
    pub fn domain(&self) -> &str {
        &self.manner.domain
    }

    /// Who answers at a localpart (`None`: the desk).
    pub fn at(&self, local: Option<&str>) -> Option<Entity> {
        match local {
            None => Some(Entity::Desk),
            Some(local) => self.read().entity(local).cloned(),
        }
    }

    /// Where an entity speaks from; `None` is the desk.
    pub fn local(&self, entity: &Entity) -> Option<String> {
        self.read().local(entity).map(str::to_owned)
    }

    /// The localpart of the entity of that name: a hypervisor, else a machine; the desk for any other.
    pub fn local_of_name(&self, name: &str) -> Option<String> {
        let hypervisor = Entity::Hypervisor(name.to_owned());
        self.local(&hypervisor).or_else(|| {
            let machine = self.host.named(name).into_iter().find(|machine| machine.name == name)?;
            self.local(&Entity::Machine(machine.id.clone()))
        })
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Addresses> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Addresses> {
        self.addresses.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self, phrase: &Phrase) -> String {
        let now: Zoned = Timestamp::now().to_zoned(self.manner.zone.clone());
        self.mind.book().words(&self.manner.language).phrases.phrase(phrase, &now)
    }

    fn describe(&self, entity: &Entity, local: Option<&str>) -> Option<EntityInfo> {
        let base = EntityInfo {
            local: local.map(str::to_owned),
            name: self.manner.domain.clone(),
            class: Class::Desk,
            uuid: None,
            os: None,
            parent: None,
            show: Show::Online,
            status: String::new(),
            commands: Vec::new(),
        };
        match entity {
            Entity::Desk => {
                let status = Phrase::common("status_desk")
                    .with("all", self.host.machines().len())
                    .with("hosts", self.host.hypervisors().len());
                Some(EntityInfo { status: self.text(&status), ..base })
            }
            Entity::Hypervisor(name) => {
                let hypervisor = self.host.hypervisors().into_iter().find(|hypervisor| hypervisor.name == *name)?;
                let (show, status) = if hypervisor.unreachable.is_some() {
                    (Show::Dnd, Phrase::common("status_unreachable"))
                } else {
                    let machines = self
                        .host
                        .machines()
                        .into_iter()
                        .filter(|machine| machine.id.hypervisor == *name)
                        .collect::<Vec<_>>();
                    let running = machines.iter().filter(|machine| machine.state == State::Running).count();
                    (Show::Online, Phrase::common("status_host").with("running", running).with("all", machines.len()))
                };
                Some(EntityInfo {
                    name: name.clone(),
                    class: Class::Hypervisor,
                    show,
                    status: self.text(&status),
                    ..base
                })
            }
            Entity::Machine(id) => {
                let parent = self.local(&Entity::Hypervisor(id.hypervisor.clone()));
                let machine = self.host.machine(id)?;
                let reachable = self
                    .host
                    .hypervisors()
                    .iter()
                    .any(|hypervisor| hypervisor.name == id.hypervisor && hypervisor.unreachable.is_none());
                let (show, status) =
                    if reachable { presence(&machine) } else { (Show::Dnd, Phrase::common("status_unreachable")) };
                Some(EntityInfo {
                    name: machine.name.clone(),
                    class: Class::Machine,
                    uuid: Some(id.uuid),
                    os: machine.os.clone(),
                    parent,
                    show,
                    status: self.text(&status),
                    ..base
                })
            }
        }
    }
}

/// Presence is derived from the state, never stored.
fn presence(machine: &Machine) -> (Show, Phrase) {
    let show = match machine.state {
        State::Running => Show::Online,
        State::Paused => Show::Away,
        State::Off => Show::Xa,
        State::Crashed => Show::Dnd,
    };
    (show, crate::refusal::state_word(machine.state))
}

impl Directory for Switchboard {
    fn entity(&self, local: Option<&str>) -> Option<EntityInfo> {
        let entity = self.at(local)?;
        self.describe(&entity, local)
    }

    fn exists(&self, local: Option<&str>) -> bool {
        match self.at(local) {
            Some(Entity::Machine(id)) => self.host.machine(&id).is_some(),
            Some(_) => true,
            None => false,
        }
    }

    fn all(&self) -> Vec<EntityInfo> {
        let entities: Vec<Entity> = std::iter::once(Entity::Desk)
            .chain(self.host.hypervisors().into_iter().map(|hypervisor| Entity::Hypervisor(hypervisor.name)))
            .chain(self.host.machines().into_iter().map(|machine| Entity::Machine(machine.id.clone())))
            .collect();
        entities.iter().filter_map(|entity| self.describe(entity, self.local(entity).as_deref())).collect()
    }
}

impl MaySee for Switchboard {
    fn may_see(&self, person: &BareJid, _entity: Option<&str>) -> bool {
        self.access.role(person.as_str()).is_some()
    }
}

impl Roster for Switchboard {
    fn load(&self) -> Vec<Contact> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn save(&self, contact: &Contact) {
        let key = format!("{}|{}", contact.person, contact.entity.as_deref().unwrap_or_default());
        let value = if contact.is_over() {
            serde_json::Value::Null
        } else {
            serde_json::to_value(contact).expect("a contact is plain data")
        };
        self.fact(CONTACT, &key, value);
    }
}
