//! All of the XMPP side but its task and its socket: stanzas in, stanzas to
//! the outbox, events out. Nothing here waits.

use std::sync::Arc;

use tokio::time::Instant;
use xmpp_parsers::disco::DiscoInfoQuery;
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::message::Message;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza::Stanza;
use xmpp_parsers::stanza_error::{DefinedCondition, ErrorType, StanzaError};

use super::contacts::Roster;
use super::disco::Disco;
use super::entities::{Access, Directory};
use super::event::Event;
use super::limits::{Limits, Refused};
use super::messages::{self, Heard, Invitation, Kind, Reading};
use super::outbox::{Lane, Outbox, Pace};
use super::peers::Peers;
use super::presence::{Board, Presenter};
use super::requests::{Requests, Then};
use super::rooms::trust::Trust;
use super::rooms::{Outcome, Place, Rooms, Unlock};
use super::said::{Signal, signal};
use super::subscriptions::{Change, Step, Subscriptions};
use super::{address, faults, owner};

mod iq;

/// The state of the XMPP side.
pub(super) struct Core {
    pub(super) domain: BareJid,
    pub(super) outbox: Outbox,
    pub(super) subscriptions: Subscriptions,
    pub(super) rooms: Rooms,
    pub(super) requests: Requests,
    pub(super) peers: Peers,
    pub(super) limits: Limits,
    pub(super) board: Board,
    /// The server, or why there is none.
    pub(super) online: Result<String, Option<String>>,
    features: Vec<String>,
    presenter: Arc<Presenter>,
    directory: Arc<dyn Directory>,
    access: Arc<dyn Access>,
    roster: Arc<dyn Roster>,
    events: Vec<Event>,
}

impl Core {
    pub(super) fn new(
        domain: BareJid,
        features: Vec<String>,
        outbox: Outbox,
        trust: Trust,
        directory: Arc<dyn Directory>,
        access: Arc<dyn Access>,
        roster: Arc<dyn Roster>,
    ) -> Self {
        Self {
            outbox,
            subscriptions: Subscriptions::new(roster.load()),
            rooms: Rooms::new(domain.clone(), trust),
            requests: Requests::default(),
            peers: Peers::default(),
            limits: Limits::default(),
            board: Board::default(),
            online: Err(None),
            presenter: Arc::new(Presenter {
                domain: domain.clone(),
                disco: Disco::new(domain.clone(), features.clone()),
                directory: Arc::clone(&directory),
                access: Arc::clone(&access),
            }),
            features,
            domain,
            directory,
            access,
            roster,
            events: Vec::new(),
        }
    }

    /// The events since the last call.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn on_up(&mut self, server: String, now: Instant) {
        self.online = Ok(server);
        self.board.announced(&*self.directory);
        self.enforce_access();
        let steps = self.subscriptions.on_link_up();
        self.perform(steps);
        for presence in self.rooms.on_link_up(now) {
            self.send(Lane::Answer, presence);
        }
    }

    /// Takes all entities away from everybody who may not see them any more. Without a connection they could not be
    /// told, so that waits for it; they hear and see nothing meanwhile.
    pub(super) fn enforce_access(&mut self) {
        if self.online.is_ok() {
            let access = Arc::clone(&self.access);
            let steps = self.subscriptions.enforce(|person, entity| access.may_see(person, entity));
            self.perform(steps);
        }
    }

    /// All who see an entity and may, there or not.
    pub(super) fn subscribers(&self, entity: Option<&str>) -> Vec<BareJid> {
        let mut people = self.subscriptions.subscribers(entity);
        people.retain(|person| self.access.may_see(person, entity));
        people
    }

    pub(super) fn on_down(&mut self, why: String) {
        self.online = Err(Some(why));
        self.requests.give_up(None);
    }

    pub(super) fn on_tick(&mut self, now: Instant) {
        self.requests.give_up(Some(now));
        if self.online.is_err() {
            return;
        }
        let outcome = self.rooms.on_tick(now);
        self.in_room(outcome, now);
        for entity in self.board.due(&*self.directory, now) {
            for person in self.subscriptions.watchers(entity.as_deref()) {
                self.show(entity.clone(), person.into(), Pace::Even);
            }
        }
    }

    /// Goodbye from everybody, everywhere.
    pub(super) fn on_stop(&mut self) {
        for presence in self.rooms.on_stop() {
            self.send_soon(presence);
        }
        for step in self.subscriptions.on_stop() {
            if let Step::Send { type_, to, entity } = step {
                let from = address::speaking(&self.domain, entity.as_deref());
                self.send_soon(Presence::new(type_).with_from(from).with_to(to));
            }
        }
    }

    pub(super) fn on_stanza(&mut self, stanza: Stanza, now: Instant) {
        match stanza {
            Stanza::Message(message) => self.on_message(message, now),
            Stanza::Presence(presence) => self.on_presence(presence, now),
            Stanza::Iq(iq) => self.on_iq(iq),
        }
    }

    fn on_message(&mut self, message: Message, now: Instant) {
        let marked = messages::came_through_room(&message);
        match messages::read(message, &self.domain) {
            Reading::Nothing => {}
            Reading::Heard(heard) => self.on_heard(*heard, marked, now),
            Reading::Invited(invitation) => self.on_invited(invitation, now),
            Reading::Bounced { from, entity, id, condition } => {
                if let Some(again) = self.rooms.on_bounce(entity.as_deref(), &from, now) {
                    self.send(Lane::Answer, again);
                }
                self.events.push(Event::Bounced { to: from, entity, id, condition });
            }
        }
    }

    fn on_heard(&mut self, mut heard: Heard, marked: bool, now: Instant) {
        let entity = heard.entity.as_deref();
        match self.rooms.place(entity, &heard.from, marked) {
            Place::Room | Place::Ourselves => return,
            Place::Elsewhere if heard.kind == Kind::Groupchat => return,
            Place::Elsewhere => {
                let person = heard.from.to_bare();
                if self.limits.is_echo(&person, entity, &heard.body, now) {
                    return;
                }
                heard.from_bot = self.peers.is_bot(&heard.from);
            }
            Place::Occupant(mut room) => {
                // Whatever a room repeats is of the past: history, or its archive.
                if heard.kind == Kind::Groupchat && (heard.delayed.is_some() || !self.rooms.is_in(entity, &room.room)) {
                    return;
                }
                room.muc_pm = heard.kind != Kind::Groupchat;
                heard.room = Some(room);
            }
        }
        if !self.directory.exists(entity) {
            if heard.kind != Kind::Groupchat {
                self.refuse_message(&heard);
            }
            return;
        }
        if let Some(receipt) = signal(&self.domain, &heard, Signal::Receipt) {
            self.send(Lane::Answer, receipt);
        }
        self.events.push(Event::Heard(Box::new(heard)));
    }

    /// Judged before anything else is done with it: a thousand of them must cost nothing.
    fn on_invited(&mut self, invitation: Invitation, now: Instant) {
        let entity = invitation.entity.as_deref();
        let by = &invitation.by;
        if self.access.may_invite(by) {
            let new = self.rooms.possible(&invitation.room) && !self.rooms.is_wanted(entity, &invitation.room);
            if new && self.limits.invitation(by, now) && self.directory.exists(entity) {
                self.events.push(Event::Invited(invitation));
            }
        } else if self.access.may_see(by, entity) && self.limits.first(Refused::Invitation, by, now) {
            self.events.push(Event::InvitedInVain(invitation));
        }
    }

    /// There is no such entity. Errors are never answered, so this can't go on.
    fn refuse_message(&mut self, heard: &Heard) {
        let mut reply = Message::error(heard.from.clone());
        reply.from = Some(address::bare(&self.domain, heard.entity.as_deref()).into());
        reply.id = heard.id.clone().map(xmpp_parsers::message::Id);
        reply.payloads.push(unavailable().into());
        self.send(Lane::Answer, reply);
    }

    fn on_presence(&mut self, presence: Presence, now: Instant) {
        let Some((from, entity)) = self.addressed(presence.from.as_ref(), presence.to.as_ref()) else {
            return;
        };
        let entity = entity.as_deref();
        if let Some(outcome) = self.rooms.on_presence(&presence, entity, now) {
            self.in_room(outcome, now);
            return;
        }
        // An occupant of a room is no contact, and neither is the room.
        if self.rooms.place(entity, &from, false) != Place::Elsewhere {
            return;
        }
        let person = from.to_bare();
        // Where nobody can say whether there is such an entity, nothing is answered and nothing taken away: whoever asks to
        // see it goes on waiting, and whoever saw it keeps it.
        let asks = matches!(presence.type_, Type::Subscribe | Type::Probe);
        if !asks || self.directory.exists(entity) || !self.directory.may_exist(entity) {
            let open = presence.type_ != Type::Subscribe
                || self.directory.is_open(entity)
                || self.subscriptions.sees(&person, entity);
            let allowed = open && self.directory.exists(entity) && self.access.may_see(&person, entity);
            let steps = self.subscriptions.on(&presence.type_, &from, entity, allowed);
            self.perform(steps);
        }
        match presence.type_ {
            Type::None if self.subscriptions.is_online(&person) => {
                if let Some(question) = self.peers.on_available(&from, &presence) {
                    self.ask_abilities(from, question, now);
                }
            }
            Type::Unavailable => self.peers.on_unavailable(&from),
            _ => {}
        }
    }

    fn ask_abilities(&mut self, device: Jid, question: DiscoInfoQuery, now: Instant) {
        let us = address::speaking(&self.domain, None);
        let learn = Then::Learn(device.clone());
        if let Some(id) = self.requests.ask(us.clone(), device.clone(), learn, now) {
            let iq = Iq::from_get(id, question).with_from(us).with_to(device);
            self.send_soon(iq);
        }
    }

    pub(super) fn perform(&mut self, steps: Vec<Step>) {
        let now = Instant::now();
        for step in steps {
            match step {
                Step::Send { type_, to, entity } => {
                    let entity = entity.as_deref();
                    // Subscriptions are between bare addresses, presence is from where we are.
                    let from = match type_ {
                        Type::Unavailable => address::speaking(&self.domain, entity),
                        _ => address::bare(&self.domain, entity).into(),
                    };
                    self.send_soon(Presence::new(type_).with_from(from).with_to(to));
                }
                Step::Show { to, entity } => self.show(entity, to, Pace::Soon),
                Step::ShowAll(person) => {
                    for entity in self.subscriptions.seen_by(&person) {
                        self.show(entity, person.clone().into(), Pace::Even);
                    }
                }
                Step::Save(contact) => self.roster.save(&contact),
                Step::Tell(Change::Refused(person, _)) if !self.limits.first(Refused::Contact, &person, now) => {}
                Step::Tell(change) => self.events.push(Event::Contact(change)),
            }
        }
    }

    fn show(&self, entity: Option<String>, to: Jid, pace: Pace) {
        let presenter = Arc::clone(&self.presenter);
        let make = move || Some(presenter.show(entity.as_deref(), to)?.into());
        if let Err(error) = self.outbox.send_later(pace, Box::new(make)) {
            tracing::debug!(%error, "a presence was not sent");
        }
    }

    pub(super) fn in_room(&mut self, outcome: Outcome, now: Instant) {
        for presence in outcome.send {
            self.send(Lane::Answer, presence);
        }
        if let Some(unlock) = outcome.open {
            self.unlock(unlock, now);
        }
        self.events.extend(outcome.events.into_iter().map(Event::Room));
    }

    /// Opens a room that our entering made, with the service's defaults.
    fn unlock(&mut self, Unlock { entity, room }: Unlock, now: Instant) {
        let us = address::speaking(&self.domain, entity.as_deref());
        let room = Jid::from(room);
        if let Some(id) = self.requests.ask(us.clone(), room.clone(), Then::Opened(room.clone()), now) {
            self.send(Lane::Answer, Iq::from_set(id, owner::Defaults::new()).with_from(us).with_to(room));
        }
    }

    /// Sender and entity of a stanza that is for us and not from us.
    fn addressed(&self, from: Option<&Jid>, to: Option<&Jid>) -> Option<(Jid, Option<String>)> {
        let (from, to) = (from?, to?);
        if from.domain() == self.domain.domain() || to.domain() != self.domain.domain() {
            return None;
        }
        Some((from.clone(), to.node().map(|node| node.as_str().to_owned())))
    }

    /// The person behind an address, by whose rights a stanza is judged.
    fn person(&self, from: &Jid, entity: Option<&str>) -> Option<BareJid> {
        match self.rooms.place(entity, from, false) {
            Place::Elsewhere => Some(from.to_bare()),
            Place::Occupant(occupant) => occupant.real,
            Place::Room | Place::Ourselves => None,
        }
    }

    fn send_soon(&self, stanza: impl Into<Stanza>) {
        let stanza = stanza.into();
        if let Err(error) = self.outbox.send_later(Pace::Soon, Box::new(move || Some(stanza))) {
            tracing::debug!(%error, "a stanza was not sent");
        }
    }

    fn send(&self, lane: Lane, stanza: impl Into<Stanza>) {
        // Without a connection there is nobody to be told, and whoever comes
        // when it is back is told afresh.
        if let Err(error) = self.outbox.send(lane, stanza) {
            tracing::debug!(%error, "a stanza was not sent");
        }
    }
}

fn unavailable() -> StanzaError {
    faults::error(ErrorType::Cancel, DefinedCondition::ServiceUnavailable)
}

#[cfg(test)]
mod tests;
