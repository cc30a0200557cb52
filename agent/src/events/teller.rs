//! Events of the hosts, told once to everybody concerned, with who caused them.

use dialogue::phrases::Rendered;
use dialogue::reply::Phrase;
use jiff::Zoned;

use crate::engine::Engine;
use crate::events::settle::Line;
use crate::events::{self, Burst, Cause, News, Notice, Whose, words};
use crate::host::{EventKind, HostEvent, MachineId};
use crate::message::Message;
use crate::people::addresses::Entity;
use crate::refusal;
use crate::state::journal::Told;

impl Engine {
    /// An event came from a host: it is written down, and told unless an op's own telling has said it already.
    pub fn happened(&self, event: &HostEvent, now: &Zoned) {
        if event.kind == EventKind::HostRead {
            return;
        }
        match self.in_flight.whose(event) {
            // What is held comes back when its op has ended.
            Whose::Told(_) | Whose::Held => {}
            Whose::Theirs(cause) => self.news(event, Some(cause), now),
            Whose::Outside => self.news(event, None, now),
        }
        self.tell_vanished(event, now);
    }

    /// It is written down, each thing by itself, and told when it is time for it.
    pub(crate) fn news(&self, event: &HostEvent, cause: Option<Cause>, now: &Zoned) {
        if let (EventKind::Rebooted, Some((machine, _))) = (event.kind, &event.machine) {
            self.has_rebooted(machine);
        }
        let actor = cause.map(|cause| cause.actor);
        let mut phrase = words::phrase(event, actor.as_deref());
        let still_there = event.machine.as_ref().is_some_and(|(id, _)| self.host.machine(id).is_some());
        if event.kind == EventKind::Undefined && still_there {
            phrase = words::undefined_running(phrase);
        }
        let name = event.machine.as_ref().map_or_else(|| event.hypervisor.clone(), |(_, name)| name.clone());
        self.write_told(Told {
            at: event.at,
            actor: actor.clone(),
            verb: events::verb(event.kind),
            about: name,
            text: self.text(&phrase, now),
            phrase: Some(phrase.clone()),
        });
        if !events::worth_telling(event.kind) {
            return;
        }
        if let Some(news) = self.settling.lock().take(News { event: event.clone(), actor, phrase }) {
            self.tell(Line::One(news), now);
        }
    }

    /// Tells what had to wait. Called every second.
    pub(crate) fn tell_settled(&self, now: &Zoned) {
        let due = self.settling.lock().due(self.host.steady());
        for line in due {
            self.tell(line, now);
        }
    }

    fn tell(&self, line: Line, now: &Zoned) {
        let (event, phrase) = match line {
            Line::One(news) => (news.event, news.phrase),
            Line::Storm(news, over) => {
                let Some(last) = news.last().map(|news| news.event.clone()) else { return };
                let machine = last.machine.as_ref().and_then(|(id, _)| self.host.machine(id));
                (last, words::storm(&news, over, machine.map(|machine| refusal::how(&machine))))
            }
            Line::Burst(burst) => {
                let about = Entity::Hypervisor(burst.hypervisor.clone());
                let name = burst.hypervisor.clone();
                return self.notify_all(about, name, burst.phrase(), (None, Some(burst)), now);
            }
        };
        let name = event.machine.as_ref().map_or_else(|| event.hypervisor.clone(), |(_, name)| name.clone());
        if event.machine.is_some() {
            *self.last_told.lock() = Some((event.at, name.clone()));
        }
        let left = event.was.filter(|_| event.kind == EventKind::Moved);
        let about = event.machine.map_or_else(|| Entity::Hypervisor(event.hypervisor), |(id, _)| Entity::Machine(id));
        self.notify_all(about, name, phrase, (left, None), now);
    }

    fn notify_all(
        &self,
        about: Entity,
        name: String,
        phrase: Phrase,
        (left, burst): (Option<String>, Option<Burst>),
        now: &Zoned,
    ) {
        let text = self.text(&phrase, now);
        self.notify(Notice { about, name, text, phrase, except: None, except_room: None, left, burst });
    }

    /// A machine without a definition (transient, or moved away) is gone when it is off: libvirt has no event for that.
    fn tell_vanished(&self, event: &HostEvent, now: &Zoned) {
        let ended = matches!(
            event.kind,
            EventKind::ShutDown | EventKind::ForcedOff | EventKind::Failed | EventKind::Crashed | EventKind::MovedAway
        );
        let Some((id, name)) = event.machine.as_ref().filter(|_| ended) else { return };
        if self.host.machine(id).is_some() {
            return;
        }
        let phrase = Phrase::common("vanished").with("name", name).with("host", &id.hypervisor);
        self.notify_all(Entity::Machine(id.clone()), name.clone(), phrase, (None, None), now);
    }

    /// A host is back: whoever was told "I don't know whether that happened" learns how the machine is now.
    pub fn settle(&self, event: &HostEvent, now: &Zoned, say: &mut dyn FnMut(&Message, Rendered)) {
        if event.kind == EventKind::HostBack {
            let there = |machine: &MachineId| machine.hypervisor == event.hypervisor;
            self.keep_promises(now, Some(&there), say);
        }
    }
}
