//! Events of the hosts, told once to everybody concerned, with who caused them.

use dialogue::phrases::Rendered;
use dialogue::reply::Phrase;
use dialogue::reply::Reply;
use jiff::Zoned;

use crate::addresses::Entity;
use crate::bot::Bot;
use crate::events::{self, Notice, Whose};
use crate::host::{EventKind, HostEvent, HostRead};
use crate::journal::Told;
use crate::message::Message;
use crate::refusal;

impl Bot {
    /// An event came from a host: it is written down, and told unless an op's own telling has said it already.
    pub fn happened(&self, event: &HostEvent, now: &Zoned) {
        if event.kind == EventKind::HostRead {
            return;
        }
        self.tell_event(event, now);
        self.tell_vanished(event, now);
    }

    fn tell_event(&self, event: &HostEvent, now: &Zoned) {
        let whose = self.in_flight().whose(event);
        let cause = match &whose {
            Whose::Told(_) => return,
            Whose::Theirs(cause) => Some(cause.clone()),
            Whose::Outside => None,
        };
        let actor = cause.as_ref().map(|cause| cause.actor.as_str());
        let mut phrase = events::phrase(event, actor);
        let still_there = event.machine.as_ref().is_some_and(|(id, _)| self.host().machine(id).is_some());
        if event.kind == EventKind::Undefined && still_there {
            phrase.key = Phrase::common("event_undefined_running").key;
        }
        let text = self.text(&phrase, now);
        let name = event.machine.as_ref().map_or_else(|| event.hypervisor.clone(), |(_, name)| name.clone());
        self.write_told(Told {
            at: event.at,
            actor: cause.map(|cause| cause.actor),
            verb: events::verb(event.kind).to_owned(),
            about: name.clone(),
            text: text.clone(),
            phrase: Some(phrase.clone()),
        });
        if !events::worth_telling(event.kind) {
            return;
        }
        if event.machine.is_some() {
            self.told_about(&name, event.at);
        }
        let about = event
            .machine
            .as_ref()
            .map_or_else(|| Entity::Hypervisor(event.hypervisor.clone()), |(id, _)| Entity::Machine(id.clone()));
        self.notify(Notice { about, name, text, phrase, except: None, except_room: None });
    }

    /// A machine without a definition (transient, or moved away) is gone when it is off: libvirt has no event for that.
    fn tell_vanished(&self, event: &HostEvent, now: &Zoned) {
        let ended =
            matches!(event.kind, EventKind::ShutDown | EventKind::ForcedOff | EventKind::Failed | EventKind::Crashed);
        let Some((id, name)) = event.machine.as_ref().filter(|_| ended) else { return };
        let elsewhere = || self.host().named(name).iter().any(|machine| machine.id.uuid == id.uuid);
        if self.host().machine(id).is_some() || elsewhere() {
            return;
        }
        let phrase = Phrase::common("vanished").with("name", name).with("host", &id.hypervisor);
        let (text, name, about) = (self.text(&phrase, now), name.clone(), Entity::Machine(id.clone()));
        self.notify(Notice { about, name, text, phrase, except: None, except_room: None });
    }

    /// A host is back: whoever was told "I don't know whether that happened" learns how the machine is now.
    pub fn settle(&self, event: &HostEvent, now: &Zoned, host: &dyn HostRead, say: &mut dyn FnMut(&Message, Rendered)) {
        if event.kind != EventKind::HostBack {
            return;
        }
        for (machine, message) in self.in_flight().settle(&event.hypervisor) {
            let phrase = match host.machine(&machine) {
                Some(machine) => Phrase::common("outcome_known")
                    .with("name", machine.name.as_str())
                    .with("is", refusal::state_word(machine.state)),
                None => Phrase::common("outcome_gone"),
            };
            let rendered = self.phrases(message.asker.jid.as_deref()).reply(&Reply::say(phrase), now);
            say(&message, rendered);
        }
    }
}
