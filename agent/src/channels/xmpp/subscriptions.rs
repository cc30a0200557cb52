//! Who sees whom: subscriptions between people and entities, both ways.
//!
//! A component has no roster on the server, so it is kept here. A pure state
//! machine (RFC 6121 §3 and §4.3): presence goes in, [`Step`]s come out, and
//! each [`Contact`] that changed is to be saved.

use std::collections::{BTreeMap, HashMap, HashSet};

use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::presence::Type;

use super::contacts::{Contact, Seen};

/// Devices remembered per person.
const MAX_DEVICES: usize = 32;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Send a presence of this type from the entity.
    Send {
        /// Anything but available.
        type_: Type,
        /// To whom.
        to: Jid,
        /// From which entity.
        entity: Option<String>,
    },
    /// Send the entity's presence as it is.
    Show {
        /// To whom.
        to: Jid,
        /// Of which entity.
        entity: Option<String>,
    },
    /// Send the presence of every entity that this person sees, paced.
    ShowAll(BareJid),
    /// Keep this.
    Save(Contact),
    /// Tell the agent.
    Tell(Change),
}

/// What the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A person now sees an entity.
    Subscribed(BareJid, Option<String>),
    /// A person no longer does.
    Unsubscribed(BareJid, Option<String>),
    /// A person asked to, and may not.
    Refused(BareJid, Option<String>),
}

/// All contacts, and which people are there.
#[derive(Default)]
pub struct Subscriptions {
    people: BTreeMap<BareJid, BTreeMap<Option<String>, Contact>>,
    online: HashMap<BareJid, HashSet<String>>,
    /// Probed, and not yet answered.
    awaited: HashSet<BareJid>,
}

impl Subscriptions {
    /// Starts from what was kept.
    pub fn new(kept: Vec<Contact>) -> Self {
        let mut subscriptions = Self::default();
        for contact in kept.into_iter().filter(|contact| !contact.is_over()) {
            let entities = subscriptions.people.entry(contact.person.clone()).or_default();
            entities.insert(contact.entity.clone(), contact);
        }
        subscriptions
    }

    /// Takes in a presence of `type_` from a person to an entity.
    /// `allowed`: the entity exists (it may be out of sight, or gone and its address kept) and the person may see it.
    pub fn on(&mut self, type_: &Type, from: &Jid, entity: Option<&str>, allowed: bool) -> Vec<Step> {
        let person = from.to_bare();
        match type_ {
            Type::Subscribe => self.on_subscribe(person, entity, allowed),
            Type::Subscribed => self.on_subscribed(&person, entity),
            Type::Unsubscribe => self.on_unsubscribe(person, entity),
            Type::Unsubscribed => self.set_seen(&person, entity, Seen::No),
            Type::Probe if !allowed => self.revoke(&person, entity),
            Type::Probe if self.sees(&person, entity) => {
                vec![Step::Show { to: from.clone(), entity: entity.map(str::to_owned) }]
            }
            Type::Probe => vec![send(Type::Unsubscribed, &person, entity)],
            Type::None => self.on_available(person, from),
            Type::Unavailable => {
                // Servers also say so of somebody who is there, to an entity that may not see them (yet).
                let told = self.find(&person, entity).is_some_and(|contact| contact.seen == Seen::Yes);
                if told || from.resource().is_some() {
                    self.awaited.remove(&person);
                    self.forget_device(&person, from);
                }
                Vec::new()
            }
            // An error about a presence of ours says nothing reliable about
            // the person: a server that is away for an hour must not cost
            // anybody their contacts.
            Type::Error => Vec::new(),
        }
    }

    fn on_subscribe(&mut self, person: BareJid, entity: Option<&str>, allowed: bool) -> Vec<Step> {
        if !allowed {
            let refused = Change::Refused(person.clone(), entity.map(str::to_owned));
            let mut steps = self.revoke(&person, entity);
            if steps.is_empty() {
                steps.push(send(Type::Unsubscribed, &person, entity));
            }
            steps.push(Step::Tell(refused));
            return steps;
        }
        let contact = self.contact(&person, entity);
        let before = contact.clone();
        contact.sees_us = true;
        let ask = contact.seen == Seen::No;
        if ask {
            contact.seen = Seen::Asked;
        }
        let after = contact.clone();
        let mut steps = vec![
            send(Type::Subscribed, &person, entity),
            Step::Show { to: person.clone().into(), entity: after.entity.clone() },
        ];
        if ask {
            steps.push(send(Type::Subscribe, &person, entity));
        }
        if !before.sees_us {
            steps.push(Step::Tell(Change::Subscribed(person, after.entity.clone())));
        }
        if before != after {
            steps.push(Step::Save(after));
        }
        steps
    }

    fn on_subscribed(&mut self, person: &BareJid, entity: Option<&str>) -> Vec<Step> {
        // Only what was asked for: nobody makes us watch them unasked.
        match self.find(person, entity) {
            Some(contact) if contact.seen == Seen::Asked => self.set_seen(person, entity, Seen::Yes),
            _ => Vec::new(),
        }
    }

    fn on_unsubscribe(&mut self, person: BareJid, entity: Option<&str>) -> Vec<Step> {
        let Some(contact) = self.find_mut(&person, entity) else {
            return Vec::new();
        };
        let saw = std::mem::take(&mut contact.sees_us);
        let watched = std::mem::replace(&mut contact.seen, Seen::No) != Seen::No;
        let after = contact.clone();
        let mut steps = Vec::new();
        if saw {
            steps.push(send(Type::Unavailable, &person, entity));
            steps.push(send(Type::Unsubscribed, &person, entity));
            steps.push(Step::Tell(Change::Unsubscribed(person.clone(), after.entity.clone())));
        }
        if watched {
            steps.push(send(Type::Unsubscribe, &person, entity));
        }
        self.drop_if_over(&person, entity);
        steps.push(Step::Save(after));
        steps
    }

    /// Takes an entity away from a person who may no longer see it.
    pub fn revoke(&mut self, person: &BareJid, entity: Option<&str>) -> Vec<Step> {
        self.on_unsubscribe(person.clone(), entity)
    }

    /// Takes from everybody what they may not see (any more).
    pub fn enforce(&mut self, allowed: impl Fn(&BareJid, Option<&str>) -> bool) -> Vec<Step> {
        let contacts = self.people.iter().flat_map(|(person, all)| all.keys().map(move |entity| (person, entity)));
        let over = contacts.filter(|(person, entity)| !allowed(person, entity.as_deref()));
        let over: Vec<_> = over.map(|(person, entity)| (person.clone(), entity.clone())).collect();
        over.iter().flat_map(|(person, entity)| self.revoke(person, entity.as_deref())).collect()
    }

    /// Asks a person to add an entity: their client shows a request.
    pub fn offer(&mut self, person: &BareJid, entity: Option<&str>) -> Vec<Step> {
        let contact = self.contact(person, entity);
        if contact.seen == Seen::Yes {
            return Vec::new();
        }
        contact.seen = Seen::Asked;
        let after = contact.clone();
        vec![send(Type::Subscribe, person, entity), Step::Save(after)]
    }

    /// The link is there: find out who is, and tell those who can't be asked.
    ///
    /// Everybody is probed from one entity only, the front desk if it may;
    /// who answers is shown all.
    pub fn on_link_up(&mut self) -> Vec<Step> {
        self.online.clear();
        self.awaited.clear();
        let mut steps = Vec::new();
        for (person, entities) in &self.people {
            // The front desk is `None` and so the first of them.
            match entities.values().find(|contact| contact.seen == Seen::Yes) {
                Some(contact) => {
                    self.awaited.insert(person.clone());
                    steps.push(send(Type::Probe, person, contact.entity.as_deref()));
                }
                None => steps.push(Step::ShowAll(person.clone())),
            }
        }
        steps
    }

    /// Goodbye from every entity to everybody who may be there.
    pub fn on_stop(&self) -> Vec<Step> {
        self.all_seen().map(|(person, entity)| send(Type::Unavailable, person, entity)).collect()
    }

    /// The entities that a person sees.
    pub fn seen_by(&self, person: &BareJid) -> Vec<Option<String>> {
        let entities = self.people.get(person).into_iter().flatten();
        entities.filter(|(_, contact)| contact.sees_us).map(|(entity, _)| entity.clone()).collect()
    }

    /// The people who see an entity and may be there.
    pub fn watchers(&self, entity: Option<&str>) -> Vec<BareJid> {
        let key = entity.map(str::to_owned);
        let sees = |entities: &BTreeMap<_, Contact>| entities.get(&key).is_some_and(|c| c.sees_us);
        let people = self.people.iter().filter(|(person, entities)| sees(entities) && !self.is_away(person, entities));
        people.map(|(person, _)| person.clone()).collect()
    }

    /// All who see an entity, there or not: whom to tell of its news.
    pub fn subscribers(&self, entity: Option<&str>) -> Vec<BareJid> {
        let people = self.people.keys();
        people.filter(|person| self.sees(person, entity)).cloned().collect()
    }

    /// Whether a person is known to be there now.
    pub fn is_online(&self, person: &BareJid) -> bool {
        self.online.contains_key(person)
    }

    /// Devices of a person that are there, as full addresses.
    pub fn devices(&self, person: &BareJid) -> Vec<Jid> {
        let devices = self.online.get(person).into_iter().flatten();
        devices.filter_map(|device| Some(person.with_resource_str(device).ok()?.into())).collect()
    }

    /// Number of (people, people there).
    pub fn count(&self) -> (usize, usize) {
        (self.people.len(), self.online.len())
    }

    /// People who can be told apart from absent ones: some entity sees them.
    fn is_away(&self, person: &BareJid, entities: &BTreeMap<Option<String>, Contact>) -> bool {
        entities.values().any(|contact| contact.seen == Seen::Yes)
            && !self.online.contains_key(person)
            && !self.awaited.contains(person)
    }

    fn all_seen(&self) -> impl Iterator<Item = (&BareJid, Option<&str>)> {
        let people = self.people.iter().filter(|(person, all)| !self.is_away(person, all));
        people.flat_map(|(person, entities)| {
            let seen = entities.iter().filter(|(_, contact)| contact.sees_us);
            seen.map(move |(entity, _)| (person, entity.as_deref()))
        })
    }

    fn on_available(&mut self, person: BareJid, from: &Jid) -> Vec<Step> {
        if !self.people.contains_key(&person) {
            return Vec::new();
        }
        if let Some(device) = from.resource() {
            let devices = self.online.entry(person.clone()).or_default();
            if devices.len() < MAX_DEVICES {
                devices.insert(device.as_str().to_owned());
            }
        }
        // An answer to our probe. Somebody who logs in is answered by the
        // probes that their own server sends.
        if self.awaited.remove(&person) {
            return vec![Step::ShowAll(person)];
        }
        Vec::new()
    }

    fn forget_device(&mut self, person: &BareJid, from: &Jid) {
        if let Some(devices) = self.online.get_mut(person) {
            match from.resource() {
                Some(device) => devices.remove(device.as_str()),
                None => std::mem::take(devices).is_empty(),
            };
            if devices.is_empty() {
                self.online.remove(person);
            }
        }
    }

    fn set_seen(&mut self, person: &BareJid, entity: Option<&str>, seen: Seen) -> Vec<Step> {
        let Some(contact) = self.find_mut(person, entity) else {
            return Vec::new();
        };
        if std::mem::replace(&mut contact.seen, seen) == seen {
            return Vec::new();
        }
        let after = contact.clone();
        self.drop_if_over(person, entity);
        vec![Step::Save(after)]
    }

    /// Everybody who has to do with an entity, whoever sees whom.
    pub fn people_of(&self, entity: Option<&str>) -> Vec<BareJid> {
        let people = self.people.keys();
        people.filter(|person| self.find(person, entity).is_some()).cloned().collect()
    }

    /// Whether a person sees an entity.
    pub fn sees(&self, person: &BareJid, entity: Option<&str>) -> bool {
        self.find(person, entity).is_some_and(|contact| contact.sees_us)
    }

    fn find(&self, person: &BareJid, entity: Option<&str>) -> Option<&Contact> {
        self.people.get(person)?.get(&entity.map(str::to_owned))
    }

    fn find_mut(&mut self, person: &BareJid, entity: Option<&str>) -> Option<&mut Contact> {
        self.people.get_mut(person)?.get_mut(&entity.map(str::to_owned))
    }

    fn contact(&mut self, person: &BareJid, entity: Option<&str>) -> &mut Contact {
        let entity = entity.map(str::to_owned);
        let entities = self.people.entry(person.clone()).or_default();
        entities.entry(entity.clone()).or_insert_with(|| Contact {
            person: person.clone(),
            entity,
            sees_us: false,
            seen: Seen::No,
        })
    }

    fn drop_if_over(&mut self, person: &BareJid, entity: Option<&str>) {
        if let Some(entities) = self.people.get_mut(person) {
            let key = entity.map(str::to_owned);
            if entities.get(&key).is_some_and(Contact::is_over) {
                entities.remove(&key);
            }
            if entities.is_empty() {
                self.people.remove(person);
                self.online.remove(person);
            }
        }
    }
}

fn send(type_: Type, person: &BareJid, entity: Option<&str>) -> Step {
    Step::Send { type_, to: person.clone().into(), entity: entity.map(str::to_owned) }
}

#[cfg(test)]
mod tests;
