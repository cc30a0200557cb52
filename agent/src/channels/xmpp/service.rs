//! The XMPP side as the agent uses it: [`Service::start`] gives a [`Handle`] to
//! speak with and a channel of [`Event`]s to listen to.
//!
//! ```text
//! server ⇄ link ⇄ service ⇄ agent
//!           │       ├ messages, rooms, subscriptions, presence, disco
//!           └ outbox ┘
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use minidom::Element;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Duration, Instant};
use xmpp_parsers::chatstates::ChatState;
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::ns;

use super::address;
use super::contacts::Roster;
use super::core::Core;
use super::disco::{Reply, parse_offset};
use super::entities::{Access, Directory};
use super::event::{Event, Request};
use super::limits::Verdict;
use super::link::{Incoming, Link};
use super::messages::{Heard, Kind};
use super::outbox::{Lane, Outbox, Unsent};
use super::requests::{Answer, NoAnswer, Then};
use super::rooms::Join;
use super::rooms::trust::{Domains, Trust};
use super::said::{Said, Signal, signal};
use super::settings::LinkConfig;

/// Events not yet taken; beyond it nothing more is read from the server.
const EVENTS: usize = 256;
/// How often time is looked at when nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(10);

/// How the XMPP side is set up.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// The connection.
    pub link: LinkConfig,
    /// Namespaces of requests that the agent answers itself: announced by every
    /// entity, and handed over as [`Event::Asked`].
    pub features: Vec<String>,
    /// Which domains run rooms that are believed, and at which people live.
    pub domains: Domains,
}

/// How things stand, for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The server connected to.
    pub server: Option<String>,
    /// Why there is none.
    pub offline_because: Option<String>,
    /// People with a contact.
    pub people: usize,
    /// Those known to be there.
    pub people_online: usize,
    /// Rooms wanted.
    pub rooms: usize,
    /// Rooms entered.
    pub rooms_in: usize,
    /// Answers waiting to be sent.
    pub answers_waiting: usize,
    /// Presences waiting to be sent.
    pub presences_waiting: usize,
}

/// Owns the link and all that is known; see [`Service::start`].
pub struct Service;

/// Speaks for the entities. Cheap to clone; only [`Handle::ask`] and
/// [`Handle::stop`] wait.
#[derive(Clone)]
pub struct Handle {
    core: Arc<Mutex<Core>>,
    trust: Trust,
    outbox: Outbox,
    wake: Arc<Notify>,
    stopping: Arc<Notify>,
}

impl Service {
    /// Connects and goes on until [`Handle::stop`], or until the events are
    /// dropped.
    pub fn start(
        config: ServiceConfig,
        directory: Arc<dyn Directory>,
        access: Arc<dyn Access>,
        roster: Arc<dyn Roster>,
    ) -> (Handle, mpsc::Receiver<Event>) {
        let domain = config.link.domain.clone();
        let (outbox, incoming) = Link::start(config.link);
        let trust = Trust::new(config.domains);
        let core = Core::new(domain, config.features, outbox.clone(), trust.clone(), directory, access, roster);
        let handle = Handle {
            core: Arc::new(Mutex::new(core)),
            trust,
            outbox,
            wake: Arc::new(Notify::new()),
            stopping: Arc::new(Notify::new()),
        };
        let (events, receiver) = mpsc::channel(EVENTS);
        tokio::spawn(run(handle.clone(), incoming, events));
        (handle, receiver)
    }
}

async fn run(handle: Handle, mut incoming: mpsc::Receiver<Incoming>, events: mpsc::Sender<Event>) {
    let mut stopping = false;
    loop {
        let due = handle.core().board.next();
        let tick = due.map_or(Instant::now() + TICK, |due| due.min(Instant::now() + TICK));
        let item = tokio::select! {
            item = incoming.recv() => match item {
                Some(item) => Some(item),
                None => return,
            },
            () = handle.wake.notified() => None,
            () = tokio::time::sleep_until(tick) => None,
            // Dropping the receiver is how the link is told to go.
            () = events.closed(), if !stopping => return,
            () = handle.stopping.notified() => {
                stopping = true;
                None
            }
        };
        let told = {
            let mut core = handle.core();
            let now = Instant::now();
            // Once goodbye is said nobody is greeted any more.
            // And one stanza that breaks something ends neither the connection nor what others say.
            let first = catch_unwind(AssertUnwindSafe(|| {
                let first = if stopping { None } else { take(&mut core, item, now) };
                if !stopping {
                    core.on_tick(now);
                }
                first
            }));
            let first = first.unwrap_or_else(|_| {
                tracing::error!(reference = %crate::error::Reference::new(), "something of ours broke over a stanza; going on");
                None
            });
            let rest = core.take_events();
            let arrived = Some(handle.outbox.take_arrived()).filter(|ids| !ids.is_empty()).map(Event::Arrived);
            first.into_iter().chain(rest).chain(arrived)
        };
        for event in told {
            if events.send(event).await.is_err() {
                break;
            }
        }
    }
}

fn take(core: &mut Core, item: Option<Incoming>, now: Instant) -> Option<Event> {
    match item? {
        Incoming::Up { resumed_after, server } => {
            core.on_up(server.clone(), now);
            Some(Event::Online { server, away: resumed_after })
        }
        Incoming::Down { why } => {
            core.on_down(why.to_string());
            Some(Event::Offline { why })
        }
        Incoming::Stanza(stanza) => {
            core.on_stanza(*stanza, now);
            None
        }
    }
}

impl Handle {
    /// Says something. Gives its id, by which it can be corrected.
    pub fn say(&self, said: Said) -> Result<String, Unsent> {
        let mut core = self.core();
        let now = Instant::now();
        let person = said.to.to_bare();
        if said.kind != Kind::Groupchat {
            core.limits.said(&person, said.entity.as_deref(), &said.body, now);
        }
        let lane = match (said.tracked, said.important) {
            (true, _) => Lane::Tracked,
            (false, true) => Lane::Important,
            (false, false) => Lane::Answer,
        };
        let (message, id) = said.into_message(&core.domain);
        self.outbox.send(lane, message)?;
        Ok(id)
    }

    /// Which connection this is, counted; 0 before the first.
    pub fn connection(&self) -> u64 {
        self.outbox.connection()
    }

    /// Whether something more of this person is to be read.
    pub fn admit(&self, person: &BareJid) -> Verdict {
        self.core().limits.admit(person, Instant::now())
    }

    /// Shows that an answer is being worked on, or no longer is.
    pub fn composing(&self, heard: &Heard, working: bool) {
        let state = if working { ChatState::Composing } else { ChatState::Active };
        self.signal(heard, Signal::Typing(state));
    }

    /// Shows that a message was read, if its sender wants to know.
    pub fn displayed(&self, heard: &Heard) {
        self.signal(heard, Signal::Displayed);
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request, answer: Reply) {
        self.core().answer(request, answer);
    }

    /// Asks somebody's device (or server) a question; waits up to 30 s.
    pub async fn ask(&self, entity: Option<&str>, to: Jid, set: bool, payload: Element) -> Answer {
        let (tell, answer) = oneshot::channel();
        {
            let mut core = self.core();
            let us = address::speaking(&core.domain, entity);
            let asked = core.requests.ask(us.clone(), to.clone(), Then::Tell(tell), Instant::now());
            let id = asked.ok_or(Unsent::Full)?;
            let (from, to) = (Some(us), Some(to));
            let iq = match set {
                true => Iq::Set { from, to, id, payload },
                false => Iq::Get { from, to, id, payload },
            };
            self.outbox.send(Lane::Answer, iq)?;
        }
        answer.await.unwrap_or(Err(NoAnswer::Silence))
    }

    /// The offset from UTC that a person's device says it has (XEP-0202).
    pub async fn utc_offset(&self, device: Jid) -> Option<jiff::tz::Offset> {
        let query = Element::builder("time", ns::TIME).build();
        let time = self.ask(None, device, false, query).await.ok()??;
        parse_offset(time.get_child("tzo", ns::TIME)?.text().trim())
    }

    /// Whether a device, or any device of a person, says that it has a feature.
    pub fn supports(&self, who: &Jid, feature: &str) -> bool {
        self.core().peers.supports(who, feature)
    }

    /// An entity may look different now, or be new, or be gone.
    pub fn presence_changed(&self, entity: Option<&str>) {
        self.core().board.changed(entity, Instant::now());
        self.wake.notify_one();
    }

    /// All who see an entity and still may, there or not: whom to tell of its news.
    pub fn subscribers(&self, entity: Option<&str>) -> Vec<BareJid> {
        self.core().subscribers(entity)
    }

    /// Lets an entity that is no more go out of everybody's contacts.
    pub fn forget(&self, entity: Option<&str>) {
        let people = self.core().subscriptions.people_of(entity);
        for person in people {
            self.revoke(&person, entity);
        }
    }

    /// The entities that a person sees.
    pub fn seen_by(&self, person: &BareJid) -> Vec<Option<String>> {
        self.core().subscriptions.seen_by(person)
    }

    /// Whether a person is known to be there.
    pub fn is_online(&self, person: &BareJid) -> bool {
        self.core().subscriptions.is_online(person)
    }

    /// The devices of a person that are there.
    pub fn devices(&self, person: &BareJid) -> Vec<Jid> {
        self.core().subscriptions.devices(person)
    }

    /// Tells all who see an entity. Gives how many.
    pub fn broadcast(&self, entity: Option<&str>, body: &str) -> usize {
        let people = self.subscribers(entity);
        let told = people.iter().filter(|p| self.say(Said::alert(entity, p, body)).is_ok());
        told.count()
    }

    /// Asks a person to add an entity to their contacts.
    pub fn offer(&self, person: &BareJid, entity: Option<&str>) {
        let mut core = self.core();
        let steps = core.subscriptions.offer(person, entity);
        core.perform(steps);
    }

    /// Takes an entity away from a person who may no longer see it.
    pub fn revoke(&self, person: &BareJid, entity: Option<&str>) {
        let mut core = self.core();
        let steps = core.subscriptions.revoke(person, entity);
        core.perform(steps);
        drop(core);
        self.wake.notify_one();
    }

    /// Who may see what, and what the configuration says of domains, has changed. Whoever lost the right to see an
    /// entity loses it at once, and rooms where none can be are left.
    pub fn access_changed(&self, domains: Domains) {
        self.trust.replace(domains);
        let mut core = self.core();
        core.enforce_access();
        let outcome = core.rooms.on_trust_changed();
        core.in_room(outcome, Instant::now());
        drop(core);
        self.wake.notify_one();
    }

    /// Enters a room, now and after every loss of the connection. `false` if no room can be there.
    pub fn join(&self, join: Join) -> bool {
        let Some(presence) = self.core().rooms.join(join, Instant::now()) else { return false };
        // Without a connection it is entered when there is one.
        let _ = self.outbox.send(Lane::Answer, presence);
        true
    }

    /// Whether a room can be at an address: neither where people live nor among our own entities.
    pub fn may_be_room(&self, room: &BareJid) -> bool {
        self.core().rooms.possible(room)
    }

    /// Whether an entity is in a room or on its way in.
    pub fn is_wanted(&self, entity: Option<&str>, room: &BareJid) -> bool {
        self.core().rooms.is_wanted(entity, room)
    }

    /// Leaves a room.
    pub fn leave(&self, entity: Option<&str>, room: &BareJid) {
        if let Some(presence) = self.core().rooms.leave(entity, room) {
            let _ = self.outbox.send(Lane::Answer, presence);
        }
    }

    /// The rooms an entity is in.
    pub fn rooms(&self, entity: Option<&str>) -> Vec<BareJid> {
        self.core().rooms.of(entity)
    }

    /// How things stand.
    pub fn status(&self) -> Status {
        let core = self.core();
        let (people, people_online) = core.subscriptions.count();
        let (rooms, rooms_in) = core.rooms.count();
        let (answers_waiting, presences_waiting) = self.outbox.waiting();
        Status {
            server: core.online.clone().ok(),
            offline_because: core.online.clone().err().flatten(),
            people,
            people_online,
            rooms,
            rooms_in,
            answers_waiting,
            presences_waiting,
        }
    }

    /// Says goodbye for every entity, sends what is waiting and ends the link.
    /// Waits up to 10 s; the events end.
    pub async fn stop(&self) {
        self.stopping.notify_one();
        self.core().on_stop();
        self.outbox.close(GOODBYE).await;
    }

    fn signal(&self, heard: &Heard, what: Signal) {
        let message = signal(&self.core().domain, heard, what);
        if let Some(message) = message {
            // Nobody misses a signal that came too late.
            let _ = self.outbox.send(Lane::Answer, message);
        }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock()
    }
}
