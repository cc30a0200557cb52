//! The desk's part that is about rooms, and about rights that changed: who takes an entity to a room, when it leaves, who
//! sees nothing any more.

use std::path::Path;
use std::sync::Arc;

use dialogue::reply::Phrase;
use dialogue::spec::Role;
use jid::BareJid;

use super::Dispatcher;
use crate::channels::directory::EntityDirectory;
use crate::channels::rooms::{MOST_INVITED, Seat};
use crate::channels::xmpp::messages::Invitation;
use crate::channels::xmpp::rooms::{Join, RoomEvent};
use crate::channels::xmpp::said::Said;
use crate::config::{Config, Purpose};
use crate::people::addresses;
use crate::refusal;
use crate::skill::Refusal;

impl Dispatcher {
    /// Enters the configured rooms, and those that somebody took an entity to and still may.
    pub(crate) fn enter_rooms(&self, config: &Config) {
        for room in &config.room {
            let Ok(address) = BareJid::new(&room.address) else { continue };
            let local = match &room.entity {
                None => Some(None),
                // A machine of a host that can't be reached is known by its address alone.
                Some(name) => self.board.find(name).or_else(|| {
                    let local = addresses::localpart(name);
                    self.board.at(Some(&local)).map(|_| Some(local))
                }),
            };
            let Some(local) = local else {
                tracing::error!(room = room.address, entity = room.entity, "nobody is called so: not joined");
                continue;
            };
            if !config.domains().services.contains(address.domain().as_str()) {
                tracing::warn!(room = room.address, "its service is not trusted: everybody there is a stranger");
            }
            self.handle.join(Join { standing: true, ..join(&self.board, address, local) });
        }
        self.leave_unanswered();
        for Seat { room, local } in self.rooms.all() {
            if self.board.at(local.as_deref()).is_none() {
                self.rooms.give_up(&Seat { room, local });
            } else if !self.handle.is_wanted(local.as_deref(), &room) {
                self.handle.join(join(&self.board, room, local));
            }
        }
    }

    /// SIGHUP: who may do what is read again, and which rooms are believed. Whoever lost a right loses what came with it at
    /// once. Conversations stay; the rest needs a restart, and a wrong file changes nothing.
    pub(crate) fn reload(&self, path: &Path) {
        match Config::read_to(path, Purpose::Run) {
            Ok(config) => {
                let former = self.bot.access().replace(&config.access);
                // Whatever they are allowed later, what was asked of them before is over. A turn may take long, so not here.
                let bot = Arc::clone(&self.bot);
                tokio::task::spawn_blocking(move || {
                    bot.end_questions(|person| bot.access().role(person) < former.role(person));
                });
                self.handle.access_changed(config.domains());
                self.leave_unanswered();
                tracing::info!(path = %path.display(), "access is read again; other keys count from the next start");
            }
            Err(error) => {
                tracing::error!(%error, "the configuration is wrong; going on with the old one");
                // Whoever took a right away with it believes that it is gone.
                self.tell_admins(&Phrase::common("reload_failed").with("why", error.to_string()));
            }
        }
    }

    /// Rooms are left for which nobody is answerable any more.
    fn leave_unanswered(&self) {
        for Seat { room, local } in self.rooms.give_up_unless(|by| self.bot.access().may_invite(by)) {
            tracing::info!(%room, "left: whoever took an entity there may not any more");
            self.handle.leave(local.as_deref(), &room);
            self.affairs.room(room.as_str(), &self.board.name(local.as_deref()), false);
        }
    }

    /// Somebody who may takes an entity to a room.
    pub(super) fn invited(&self, invitation: Invitation) {
        let Invitation { entity, room, by, password } = invitation;
        // The right may have gone since it was asked for.
        if !self.bot.access().may_invite(&by) {
            return;
        }
        if self.rooms.enough_of(&by) {
            let phrase = Phrase::common("invited_enough").with("most", MOST_INVITED);
            return self.remark(entity.as_deref(), &by, &phrase);
        }
        if self.handle.join(Join { password, ..join(&self.board, room.clone(), entity.clone()) }) {
            tracing::info!(%room, %by, "an invitation is followed");
            self.rooms.take(Seat { room, local: entity }, &by);
        }
    }

    /// Somebody who may not wanted to take an entity to a room.
    pub(super) fn invited_in_vain(&self, invitation: &Invitation) {
        let ask_whom = self.bot.access().who_can(Role::Operator);
        let denied = refusal::phrase(&Refusal::Denied { needs: Role::Operator, ask_whom });
        self.remark(invitation.entity.as_deref(), &invitation.by, &denied);
    }

    /// An entity came into a room, or is out of it.
    pub(super) fn room(&self, event: RoomEvent) {
        let within = matches!(event, RoomEvent::Joined { .. });
        let (RoomEvent::Joined { entity, room, .. } | RoomEvent::Left { entity, room, .. }) = &event;
        let name = self.board.name(entity.as_deref());
        self.affairs.room(room.as_str(), &name, within);
        if within {
            self.pay_room(entity.as_deref(), room);
        }
        if let RoomEvent::Left { entity, room, why, returns: false } = event {
            tracing::info!(%room, entity = name, ?why, "out of a room for good");
            self.rooms.give_up(&Seat { room, local: entity });
        }
    }

    fn remark(&self, entity: Option<&str>, person: &BareJid, phrase: &Phrase) {
        let text = self.text_for(person, phrase);
        self.send(Said { important: false, ..Said::alert(entity, person, text) });
    }
}

/// An entity's wish to be in a room.
pub(crate) fn join(board: &EntityDirectory, room: BareJid, local: Option<String>) -> Join {
    let nick = local.as_deref().map_or_else(|| "atoll".to_owned(), |local| board.name(Some(local)));
    Join { entity: local, room, nick, password: None, standing: false }
}
