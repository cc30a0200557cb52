//! What the XMPP side asks of the agent: which entities there are and how they look, who may see them, who sees whom.

use std::sync::{Arc, OnceLock};

use dialogue::reply::Phrase;
use jid::BareJid;
use jiff::{Timestamp, Zoned};
use parking_lot::{Mutex, RwLock};

use crate::channels::xmpp::contacts::{Contact, Roster};
use crate::channels::xmpp::entities::{Access as MaySee, Class, Directory, EntityInfo, Show};
use crate::engine::Work;
use crate::host::{HostRead, Hypervisor, Machine, MachineId, State};
use crate::nlu::Nlu;
use crate::people::access::Access;
use crate::people::addresses::{ADDRESS, Addresses, Changes, Entity, News, Record};
use crate::state::facts::Facts;
use crate::state::journal::{Journal, Table};

/// Facts in the journal: who sees whom.
pub const CONTACT: &str = "contact";

/// All entities, with their addresses and their contacts.
pub struct EntityDirectory {
    host: Arc<dyn HostRead>,
    nlu: Arc<Nlu>,
    access: Access,
    facts: Facts,
    addresses: RwLock<Addresses>,
    contacts: Mutex<Vec<Contact>>,
    manner: Manner,
    doing: OnceLock<Box<Doing>>,
}

/// What is under way at a machine.
type Doing = dyn Fn(&MachineId) -> Option<Work> + Send + Sync;

/// How the agent presents itself.
pub struct Manner {
    /// The language of status lines.
    pub language: String,
    /// The component's domain.
    pub domain: String,
    /// The configured time zone.
    pub zone: jiff::tz::TimeZone,
}

impl EntityDirectory {
    /// With the facts that the journal remembers.
    pub fn new(
        host: Arc<dyn HostRead>,
        nlu: Arc<Nlu>,
        access: Access,
        journal: Arc<Journal>,
        facts: &Table,
        manner: Manner,
    ) -> Self {
        let contacts = facts.of(CONTACT).filter_map(|(_, value)| serde_json::from_value(value.clone()).ok()).collect();
        Self {
            host,
            nlu,
            access,
            facts: Facts::new(journal),
            addresses: RwLock::new(Addresses::restored(facts)),
            contacts: Mutex::new(contacts),
            manner,
            doing: OnceLock::new(),
        }
    }

    /// From now on machines show what is under way at them.
    pub(crate) fn show_work(&self, doing: impl Fn(&MachineId) -> Option<Work> + Send + Sync + 'static) {
        if self.doing.set(Box::new(doing)).is_err() {
            tracing::error!("somebody tells already what is under way");
        }
    }

    /// Brings addresses in line with the machines there are; what changed is written down. Gives what is to be told.
    pub fn sync(&self) -> Vec<News> {
        // Whether a host was read is looked at first: what is listed then is at least that reading.
        let hypervisors = self.host.hypervisors();
        let read: Vec<_> = hypervisors.iter().map(|hypervisor| (hypervisor.name.as_str(), hypervisor.read)).collect();
        let machines = self.host.machines();
        let changes = self.write().sync(&read, machines.iter().map(|machine| &**machine), Timestamp::now());
        self.keep(changes)
    }

    /// The same for one machine, of which something was heard.
    pub fn sync_machine(&self, id: &MachineId) -> Vec<News> {
        let machine = self.host.machine(id);
        let read = self.hypervisor(&id.hypervisor).is_some_and(|hypervisor| hypervisor.read);
        if machine.is_none() && !read {
            return Vec::new();
        }
        let mut changes = self.write().sync_machine(id, machine.as_deref(), Timestamp::now());
        let mut news = self.keep(std::mem::take(&mut changes));
        // Gone from here, it may have come up elsewhere before, or another may bear its name already.
        let gone: Vec<String> = news
            .iter()
            .filter_map(|news| match news {
                News::Gone(_, record) => Some(record.name.clone()),
                _ => None,
            })
            .collect();
        for machine in gone.iter().flat_map(|name| self.host.named(name)) {
            let changes = self.write().sync_machine(&machine.id, Some(&machine), Timestamp::now());
            news.extend(self.keep(changes));
        }
        news
    }

    fn keep(&self, changes: Changes) -> Vec<News> {
        for (local, record) in changes.facts {
            self.facts.note(ADDRESS, &local, serde_json::to_value(record).expect("a record is plain data"));
        }
        changes.news
    }

    /// Waits until all facts are written: before the end.
    pub fn flush(&self) {
        if !self.facts.flush() {
            tracing::error!("some facts could not be written down");
        }
    }

    fn hypervisor(&self, name: &str) -> Option<Hypervisor> {
        self.host.hypervisors().into_iter().find(|hypervisor| hypervisor.name == name)
    }

    /// The component's domain: what the desk is called.
    pub fn domain(&self) -> &str {
        &self.manner.domain
    }

    /// Who answers at a localpart (`None`: the desk).
    pub fn at(&self, local: Option<&str>) -> Option<Entity> {
        match local {
            None => Some(Entity::Desk),
            Some(local) => self.read().record(local).map(|record| record.entity.clone()),
        }
    }

    /// Where an entity speaks from; `None` is the desk.
    pub fn local(&self, entity: &Entity) -> Option<String> {
        self.read().local(entity).map(str::to_owned)
    }

    /// All addresses of an entity: it speaks from one, and the others answer too.
    pub fn locals(&self, entity: &Entity) -> Vec<String> {
        self.read().held(entity).to_vec()
    }

    /// What the entity at a localpart is called, also while its host can't be read; the domain for the desk.
    pub fn name(&self, local: Option<&str>) -> String {
        let Some(local) = local else { return self.manner.domain.clone() };
        let record = self.read().record(local).cloned();
        record.map_or_else(|| self.manner.domain.clone(), |record| self.name_of(&record))
    }

    fn name_of(&self, record: &Record) -> String {
        match &record.entity {
            Entity::Machine(id) => self.host.machine(id).map_or_else(|| record.name.clone(), |m| m.name.clone()),
            _ => record.name.clone(),
        }
    }

    /// The localparts on a hypervisor: its own and those of its machines, also of such that are gone.
    pub fn locals_on(&self, hypervisor: &str) -> Vec<String> {
        self.read().on(hypervisor).map(str::to_owned).collect()
    }

    /// The localpart of the entity of that name: a hypervisor, else a machine; the desk for any other.
    pub fn local_of_name(&self, name: &str) -> Option<String> {
        let addresses = self.read();
        let named = |(_, record): &(&str, &Record)| record.name == name;
        let hypervisor = addresses.local(&Entity::Hypervisor(name.to_owned()));
        hypervisor.or_else(|| addresses.present().find(named).map(|(local, _)| local)).map(str::to_owned)
    }

    /// The same, where the desk is meant only when it is named; `None` when nothing is called that.
    pub fn find(&self, name: &str) -> Option<Option<String>> {
        let local = self.local_of_name(name);
        (local.is_some() || name == self.manner.domain).then_some(local)
    }

    fn read(&self) -> parking_lot::RwLockReadGuard<'_, Addresses> {
        self.addresses.read()
    }

    fn write(&self) -> parking_lot::RwLockWriteGuard<'_, Addresses> {
        self.addresses.write()
    }

    fn text(&self, phrase: &Phrase) -> String {
        let now: Zoned = Timestamp::now().to_zoned(self.manner.zone.clone());
        self.nlu.book().words(&self.manner.language).phrases.phrase(phrase, &now)
    }

    fn describe(&self, local: Option<&str>) -> Option<EntityInfo> {
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
        let Some(local) = local else {
            return Some(EntityInfo { status: self.text(&self.desk_status()), ..base });
        };
        let record = self.read().record(local).cloned()?;
        let (class, uuid, machine, parent) = match &record.entity {
            Entity::Desk => return None,
            Entity::Hypervisor(_) => (Class::Hypervisor, None, None, None),
            Entity::Machine(id) => {
                let parent = self.local(&Entity::Hypervisor(id.hypervisor.clone()));
                (Class::Machine, Some(id.uuid), self.host.machine(id), parent)
            }
        };
        let (show, status) = match record.gone {
            Some(since) => (Show::Offline, Phrase::common("status_gone").with("since", since)),
            None => self.present(&record, machine.as_deref()),
        };
        let os = machine.and_then(|machine| machine.os.clone());
        let name = self.name_of(&record);
        Some(EntityInfo { name, class, uuid, os, parent, show, status: self.text(&status), ..base })
    }

    /// With what is under way there, as long as it is.
    fn with_work(&self, machine: &Machine, status: Phrase) -> Phrase {
        let Some(Work { what, percent }) = self.doing.get().and_then(|doing| doing(&machine.id)) else { return status };
        let id = if percent.is_some() { "status_work_percent" } else { "status_work" };
        let phrase = Phrase::common(id).with("is", status).with("what", what);
        match percent {
            Some(percent) => phrase.with("percent", usize::from(percent)),
            None => phrase,
        }
    }

    fn desk_status(&self) -> Phrase {
        let hypervisors = self.host.hypervisors();
        let missing: Vec<String> =
            hypervisors.iter().filter(|h| h.unreachable.is_some()).map(|h| h.name.clone()).collect();
        let id = if missing.is_empty() { "status_desk" } else { "status_desk_missing" };
        Phrase::common(id)
            .with("all", self.host.machines().len() + self.host.remembered().len())
            .with("hosts", hypervisors.len())
            .with("missing", missing)
    }

    /// How something looks that is not known to be gone. What can't be seen exists all the same.
    fn present(&self, record: &Record, machine: Option<&Machine>) -> (Show, Phrase) {
        let hypervisor = record.entity.hypervisor().and_then(|name| self.hypervisor(name));
        let reachable = hypervisor.is_some_and(|hypervisor| hypervisor.unreachable.is_none());
        match (machine, &record.entity) {
            (Some(machine), _) if reachable => {
                let (show, status) = presence(machine);
                (show, self.with_work(machine, status))
            }
            (None, Entity::Hypervisor(name)) if reachable => {
                let machines = self.host.machines();
                let own = || machines.iter().filter(|machine| machine.id.hypervisor == *name);
                let running = own().filter(|machine| machine.state == State::Running).count();
                (Show::Online, Phrase::common("status_host").with("running", running).with("all", own().count()))
            }
            _ => (Show::Dnd, Phrase::common("status_unreachable")),
        }
    }
}

/// Presence is derived from the state, never stored.
fn presence(machine: &Machine) -> (Show, Phrase) {
    let show = match machine.state {
        State::Running => Show::Online,
        State::Paused | State::Asleep => Show::Away,
        State::Off => Show::Xa,
        State::Crashed => Show::Dnd,
    };
    (show, crate::refusal::how(machine))
}

impl Directory for EntityDirectory {
    fn entity(&self, local: Option<&str>) -> Option<EntityInfo> {
        self.describe(local)
    }

    fn exists(&self, local: Option<&str>) -> bool {
        local.is_none_or(|local| self.read().record(local).is_some())
    }

    fn is_open(&self, local: Option<&str>) -> bool {
        local.is_none_or(|local| self.read().record(local).is_some_and(|record| record.gone.is_none()))
    }

    fn may_exist(&self, local: Option<&str>) -> bool {
        self.exists(local) || self.host.hypervisors().iter().any(|hypervisor| !hypervisor.read)
    }

    fn all(&self) -> Vec<EntityInfo> {
        let locals: Vec<String> = self.read().present().map(|(local, _)| local.to_owned()).collect();
        std::iter::once(None)
            .chain(locals.iter().map(|local| Some(local.as_str())))
            .filter_map(|l| self.describe(l))
            .collect()
    }

    fn below(&self, local: Option<&str>) -> Vec<String> {
        let addresses = self.read();
        let above = local.map(|local| addresses.record(local).map(|record| &record.entity));
        let is_below = |entity: &Entity| match (above, entity) {
            (None, _) => true,
            (Some(Some(Entity::Hypervisor(name))), Entity::Machine(id)) => *name == id.hypervisor,
            _ => false,
        };
        let below = addresses.present().filter(|(_, record)| is_below(&record.entity));
        below.map(|(local, _)| local.to_owned()).collect()
    }

    fn called(&self, local: &str) -> Option<String> {
        let record = self.read().record(local).cloned()?;
        Some(self.name_of(&record))
    }
}

impl MaySee for EntityDirectory {
    fn may_see(&self, person: &BareJid, _entity: Option<&str>) -> bool {
        self.access.role_of(person.as_str()).is_some()
    }

    fn may_invite(&self, person: &BareJid) -> bool {
        self.access.may_invite(person)
    }
}

impl Roster for EntityDirectory {
    fn load(&self) -> Vec<Contact> {
        self.contacts.lock().clone()
    }

    fn save(&self, contact: &Contact) {
        let key = format!("{}|{}", contact.person, contact.entity.as_deref().unwrap_or_default());
        let value = if contact.is_over() {
            serde_json::Value::Null
        } else {
            serde_json::to_value(contact).expect("a contact is plain data")
        };
        self.facts.note(CONTACT, &key, value);
    }
}
