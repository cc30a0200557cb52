//! Where something is said: what is known there, and whether what is said in a room without a mark ("web1 restart") is for whom it names first.

use std::cell::{OnceCell, RefCell};

use dialogue::machine::Around;
use dialogue::spec::Scope;
use jiff::Zoned;

use super::Bot;
use crate::addresses::Entity;
use crate::host::MachineId;
use crate::known::KnownHere;
use crate::reception::Ear;

/// Where a message went.
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) hypervisor: Option<String>,
    pub(super) own: Option<MachineId>,
}

impl Bot {
    /// Names as seen from a place.
    pub(super) fn known_at<'a>(&'a self, place: &'a Place) -> KnownHere<'a> {
        KnownHere {
            host: &*self.host,
            hypervisor: place.hypervisor.as_deref(),
            machine: place.own.as_ref(),
            office: &*self.office,
            names: RefCell::default(),
            people: OnceCell::new(),
            sounds: OnceCell::new(),
        }
    }

    pub(super) fn place(&self, entity: &Entity) -> Place {
        match entity {
            Entity::Desk => {
                let hypervisors = self.host.hypervisors();
                let only = if let [only] = hypervisors.as_slice() { Some(only.name.clone()) } else { None };
                Place { scope: Scope::Desk, name: self.desk.clone(), hypervisor: only, own: None }
            }
            Entity::Hypervisor(name) => {
                Place { scope: Scope::Host, name: name.clone(), hypervisor: Some(name.clone()), own: None }
            }
            Entity::Machine(id) => {
                let name = self.host.machine(id).map_or_else(|| id.to_string(), |machine| machine.name.clone());
                Place { scope: Scope::Machine, name, hypervisor: Some(id.hypervisor.clone()), own: Some(id.clone()) }
            }
        }
    }

    /// How what is said in a room at that time is heard.
    pub(crate) fn ear(&self, now: Zoned) -> impl Ear {
        RoomEar { bot: self, now }
    }
}

struct RoomEar<'a> {
    bot: &'a Bot,
    now: Zoned,
}

impl Ear for RoomEar<'_> {
    fn is_wish(&self, entity: &Entity, text: &str) -> bool {
        let place = self.bot.place(entity);
        let known = self.bot.known_at(&place);
        let around = Around {
            now: &self.now,
            known: &known,
            scope: place.scope,
            entity: &place.name,
            room: true,
            asker: "",
            ask_disruptive: self.bot.caution.ask_disruptive,
        };
        self.bot.machine.is_wish(text, &around)
    }

    fn behind_opening<'t>(&self, text: &'t str) -> (&'t str, bool) {
        self.bot.machine.behind_opening(text)
    }
}
