//! Questions (IQ) to entities, and the answers to ours.

use jiff::Timestamp;
use tokio::time::Instant;
use xmpp_parsers::iq::Iq;

use super::{Core, unavailable};
use crate::channels::xmpp::disco::{Asker, Reply};
use crate::channels::xmpp::entities::{Class, EntityInfo};
use crate::channels::xmpp::event::{Event, Request};
use crate::channels::xmpp::outbox::Lane;
use crate::channels::xmpp::requests::Then;

impl Core {
    pub(super) fn on_iq(&mut self, iq: Iq) {
        let (set, payload) = match iq {
            Iq::Get { ref payload, .. } => (false, payload.clone()),
            Iq::Set { ref payload, .. } => (true, payload.clone()),
            Iq::Result { .. } | Iq::Error { .. } => return self.on_answer(iq),
        };
        let Some((from, entity)) = self.addressed(iq.from(), iq.to()) else {
            return;
        };
        let Some(to) = iq.to().cloned() else { return };
        let person = self.person(&from, entity.as_deref());
        let id = iq.id().to_owned();
        let request = Request { from, person, entity, set, payload, id, to };
        let answer = match self.visible(&request) {
            None => Err(Box::new(unavailable())),
            Some(info) => match self.own_answer(&info, &request) {
                Some(answer) => answer,
                None if self.features.contains(&request.payload.ns()) => {
                    return self.events.push(Event::Asked(request));
                }
                None => Err(Box::new(unavailable())),
            },
        };
        self.answer(&request, answer);
    }

    /// Sends the answer to a request.
    pub(in crate::channels::xmpp) fn answer(&mut self, request: &Request, answer: Reply) {
        let (from, to, id) = (Some(request.to.clone()), Some(request.from.clone()), request.id.clone());
        let iq = match answer {
            Ok(payload) => Iq::Result { from, to, id, payload },
            Err(error) => Iq::Error { from, to, id, error: *error, payload: None },
        };
        self.send(Lane::Answer, iq);
    }

    fn own_answer(&self, info: &EntityInfo, request: &Request) -> Option<Reply> {
        if request.set {
            return None;
        }
        let asker = Asker { person: request.person.as_ref(), access: &*self.access };
        let now = Timestamp::now();
        self.presenter.disco.answer(info, &request.payload, &asker, &*self.directory, now)
    }

    /// The entity asked, unless it doesn't exist for this person: a machine
    /// that may not be seen answers like one that isn't there.
    fn visible(&self, request: &Request) -> Option<EntityInfo> {
        let entity = request.entity.as_deref();
        let info = self.directory.entity(entity)?;
        // In a room too, only whom the agent knows by a real address gets an answer.
        let seen = request.person.as_ref().is_some_and(|person| self.access.may_see(person, entity));
        (info.class == Class::Desk || seen).then_some(info)
    }

    fn on_answer(&mut self, iq: Iq) {
        match self.requests.answered(iq) {
            Some((Then::Tell(waiting), answer)) => {
                // Whoever asked may have stopped waiting.
                let _ = waiting.send(answer);
            }
            Some((Then::Learn(device), Ok(Some(payload)))) => {
                if self.peers.learn(&device, payload) == Some(true) {
                    self.limits.is_bot(&device.to_bare(), Instant::now());
                }
            }
            Some((Then::Opened(room), Err(error))) => {
                tracing::warn!(%room, %error, "a new room stays locked: its service did not open it");
            }
            Some((Then::Learn(_) | Then::Opened(_), _)) | None => {}
        }
    }
}
