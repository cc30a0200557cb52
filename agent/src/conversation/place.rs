//! Where something is said: what is known there, and whether what is said in a room without a mark ("web1 restart") is for whom it names first.

use std::cell::{OnceCell, RefCell};

use dialogue::machine::Around;
use jiff::Zoned;

use super::Bot;
use crate::channels::reception::Ear;
use crate::engine::Place;
use crate::nlu::known::KnownHere;
use crate::people::addresses::Entity;

impl Bot {
    /// Names as seen from a place.
    pub(super) fn known_at<'a>(&'a self, place: &'a Place) -> KnownHere<'a> {
        KnownHere {
            host: &*self.engine.host,
            hypervisor: place.hypervisor.as_deref(),
            machine: place.own.as_ref(),
            affairs: &*self.engine.affairs,
            called: self.callings.at(place.hypervisor.as_deref(), &*self.engine.host),
            names: RefCell::default(),
            people: OnceCell::new(),
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
        let place = self.bot.engine.place(entity);
        let known = self.bot.known_at(&place);
        let around = Around {
            now: &self.now,
            known: &known,
            scope: place.scope,
            entity: &place.name,
            room: true,
            asker: "",
            ask_disruptive: self.bot.engine.caution.ask_disruptive,
        };
        self.bot.machine.is_wish(text, &around)
    }

    fn behind_opening<'t>(&self, text: &'t str) -> (&'t str, bool) {
        self.bot.machine.behind_opening(text)
    }
}
