//! Hands on what comes in over XMPP and from the hosts, and sends what is to be told.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dialogue::phrases::Rendered;
use dialogue::reply::Phrase;
use dialogue::spec::Role;
use jid::BareJid;
use jiff::{SignedDuration, Timestamp, Zoned};
use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::channels::directory::EntityDirectory;
use crate::channels::reception::{Received, Reception};
use crate::channels::rooms::Rooms;
use crate::channels::turns::Turns;
use crate::channels::xmpp::event::Event;
use crate::channels::xmpp::limits::{PAUSE, Verdict};
use crate::channels::xmpp::messages::Heard;
use crate::channels::xmpp::said::Said;
use crate::channels::xmpp::service::Handle;
use crate::channels::xmpp::subscriptions::Change;
use crate::conversation::{Bot, CutOff};
use crate::error::guarded;
use crate::events::{self, Burst, Notice};
use crate::host::{EventKind, HostEvent, HostRead, MachineId};
use crate::message::{Answer, Message};
use crate::ops::Op;
use crate::people::addresses::{Entity, News};
use crate::people::contacts::ContactBook;
use crate::people::greetings::{Greeting, Greetings};
use crate::state::journal::Unfinished;

mod address_news;
mod answers;
mod rooms;

use answers::{Back, Debts};

pub(crate) use self::rooms::join;

/// Devices whose time zone is remembered.
const MOST_ZONES: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// How often old conversations are let go.
const TIDY_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// A turn that takes longer shows that it is being worked on.
const PATIENCE: Duration = Duration::from_millis(300);
/// An absence shorter than this is not worth a message.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(60);
/// A conversation's lane ends after that much silence.
const IDLE: Duration = Duration::from_secs(60);

/// A message to be taken, with what its answer needs.
type Job = (Box<Message>, Box<Heard>);

/// The running agent's desk: everything that comes in is handed on from here.
pub(crate) struct Dispatcher {
    bot: Arc<Bot>,
    host: Arc<dyn HostRead>,
    board: Arc<EntityDirectory>,
    handle: Handle,
    affairs: Arc<ContactBook>,
    reception: Reception,
    /// One lane a conversation: its messages are taken in order.
    lanes: Mutex<HashMap<String, mpsc::UnboundedSender<Job>>>,
    turns: Turns,
    debts: Debts,
    /// Somebody looks after things right now.
    looking: AtomicBool,
    /// Somebody asks the hosts how far they are.
    asking: AtomicBool,
    tidied: Mutex<Timestamp>,
    zone: jiff::tz::TimeZone,
    /// How long nobody was there before this start, until it is told.
    absent: Mutex<Option<SignedDuration>>,
    /// When it was last told of an address that another machine has it now.
    taken_over: Mutex<HashMap<String, Instant>>,
    /// By device, as far as asked.
    zones: Mutex<LruCache<String, jiff::tz::TimeZone>>,
    /// Rooms that entities were taken along to.
    rooms: Arc<Rooms>,
    greetings: Mutex<Greetings>,
}

impl Dispatcher {
    /// `absent`: how long nobody was there before this start.
    #[expect(clippy::too_many_arguments, reason = "the parts of the running agent, put together once")]
    pub(crate) fn new(
        bot: Arc<Bot>,
        host: Arc<dyn HostRead>,
        board: Arc<EntityDirectory>,
        handle: Handle,
        affairs: Arc<ContactBook>,
        zone: jiff::tz::TimeZone,
        rooms: Arc<Rooms>,
        absent: Option<SignedDuration>,
    ) -> Self {
        let debts = Debts::new(bot.owed());
        Self {
            bot,
            host,
            board,
            handle,
            affairs,
            reception: Reception::default(),
            lanes: Mutex::default(),
            turns: Turns::new(),
            debts,
            looking: AtomicBool::new(false),
            asking: AtomicBool::new(false),
            tidied: Mutex::new(Timestamp::UNIX_EPOCH),
            zone,
            absent: Mutex::new(absent),
            taken_over: Mutex::default(),
            zones: Mutex::new(LruCache::new(MOST_ZONES)),
            rooms,
            greetings: Mutex::default(),
        }
    }

    fn now(&self) -> Zoned {
        Timestamp::now().to_zoned(self.zone.clone())
    }

    fn common(&self, id: &str) -> String {
        let phrase = Phrase::common(id).with("domain", self.board.domain());
        self.bot.engine().text(&phrase, &self.now())
    }

    /// A sentence in the language of the person it goes to.
    fn text_for(&self, person: &BareJid, phrase: &Phrase) -> String {
        self.bot.phrases(Some(person.as_str())).phrase(phrase, &self.now())
    }

    /// The time zone of a person, by their device (XEP-0202), else the configured one; a device is asked once.
    fn zone_of(self: &Arc<Self>, heard: &Heard) -> jiff::tz::TimeZone {
        let device = heard.from.to_string();
        let mut zones = self.zones.lock();
        if let Some(zone) = zones.get(&device) {
            return zone.clone();
        }
        zones.put(device.clone(), self.zone.clone());
        if heard.room.is_none() {
            let (desk, from) = (Arc::clone(self), heard.from.clone());
            tokio::spawn(async move {
                if let Some(offset) = desk.handle.utc_offset(from).await {
                    desk.zones.lock().put(device, jiff::tz::TimeZone::fixed(offset));
                }
            });
        }
        self.zone.clone()
    }

    pub(crate) fn xmpp(self: &Arc<Self>, event: Event) {
        match event {
            Event::Heard(heard) => self.heard(heard),
            Event::Contact(Change::Subscribed(person, entity)) => {
                self.affairs.contact(person.as_str(), &self.board.name(entity.as_deref()), true);
                let mut greetings = self.greetings.lock();
                if greetings.sees(&person, entity.as_deref(), Instant::now()) {
                    self.greet(&person, &Greeting::One(entity));
                }
            }
            Event::Contact(Change::Unsubscribed(person, entity)) => {
                self.affairs.contact(person.as_str(), &self.board.name(entity.as_deref()), false)
            }
            Event::Contact(Change::Refused(person, _)) => {
                tracing::info!(%person, "a stranger asked to see an entity and was refused")
            }
            Event::Invited(invitation) => self.invited(invitation),
            Event::InvitedInVain(invitation) => self.invited_in_vain(&invitation),
            Event::Room(event) => self.room(event),
            Event::Online { server, away } => {
                tracing::info!(server, ?away, "connected");
                let first = self.absent.lock().take();
                self.pay_people();
                self.tell_absence(away.and_then(|away| SignedDuration::try_from(away).ok()).or(first));
            }
            Event::Offline { why } => tracing::warn!(%why, "not connected"),
            Event::Asked(request) => tracing::debug!(?request, "asked for nothing we announce"),
            Event::Arrived(ids) => self.arrived(&ids),
            Event::Bounced { to, condition, id, .. } => {
                tracing::debug!(%to, ?condition, "a message came back");
                self.bounced(id.as_deref(), &to);
            }
        }
    }

    /// Somebody sees one entity now, or many.
    fn greet(&self, person: &BareJid, greeting: &Greeting) {
        let asker = person.node().map_or_else(|| person.to_string(), |node| node.to_string());
        let (entity, phrase) = match greeting {
            Greeting::One(entity) => {
                let name = self.board.name(entity.as_deref());
                (entity.as_deref(), Phrase::common("welcome_subscribed").with("name", name))
            }
            Greeting::Many(count) => (None, Phrase::common("welcome_many").with("count", *count)),
        };
        let text = self.text_for(person, &phrase.with("asker", asker));
        self.send(Said { important: false, ..Said::alert(entity, person, text) });
    }

    fn heard(self: &Arc<Self>, heard: Box<Heard>) {
        let known = |person: &str| self.may_hear(person);
        // Of strangers nothing is asked, not even the time.
        let zone = match heard.authority() {
            Some(person) if known(person.as_str()) => self.zone_of(&heard),
            _ => self.zone.clone(),
        };
        let ear = self.bot.ear(self.now());
        match self.reception.receive(&heard, &self.board, &*self.host, known, &ear, &zone) {
            Received::Nothing => {}
            Received::Say(sentence) => {
                self.send(Said::answer(&heard, self.common(sentence)));
            }
            // Nothing is done that can't be answered: beyond the limit nothing is even read.
            Received::Message(message) => match self.handle.admit(&whose(&heard)) {
                Verdict::Allowed => {
                    self.handle.displayed(&heard);
                    self.take(message, heard);
                }
                Verdict::Capped => {
                    tracing::warn!(from = %heard.from, "somebody writes too much; nothing is read of them for a minute");
                    let span = SignedDuration::try_from(PAUSE).unwrap_or_default();
                    let phrase = Phrase::common("too_much").with("span", span);
                    let text = self.bot.phrases(message.asker.jid.as_deref()).phrase(&phrase, &self.now());
                    self.send(Said::answer(&heard, text));
                }
                Verdict::StillCapped => tracing::debug!(from = %heard.from, "not read"),
            },
        }
    }

    /// Hands a message to its conversation's lane; a lane that has ended is begun anew.
    fn take(self: &Arc<Self>, message: Box<Message>, heard: Box<Heard>) {
        let key = format!("{:?}|{:?}|{:?}", message.asker.jid, message.entity, message.room);
        let mut lanes = self.lanes.lock();
        let rejected = match lanes.get(&key) {
            Some(lane) => lane.send((message, heard)).err().map(|error| error.0),
            None => Some((message, heard)),
        };
        if let Some(first) = rejected {
            let (lane, jobs) = mpsc::unbounded_channel();
            // The receiver is in our hands: this can't fail.
            let _ = lane.send(first);
            lanes.insert(key.clone(), lane);
            tokio::spawn(Arc::clone(self).lane(key, jobs));
        }
    }

    async fn lane(self: Arc<Self>, key: String, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            match tokio::time::timeout(IDLE, jobs.recv()).await {
                Ok(Some((message, heard))) => self.turn(message, heard).await,
                Ok(None) => return,
                Err(_) => {
                    let mut lanes = self.lanes.lock();
                    // Something may have come in between the time-out and the lock.
                    if jobs.is_empty() {
                        lanes.remove(&key);
                        return;
                    }
                }
            }
        }
    }

    async fn turn(self: &Arc<Self>, message: Box<Message>, heard: Box<Heard>) {
        // It may have waited behind others while the right was taken away.
        if message.asker.jid.as_deref().is_none_or(|person| !self.may_hear(person)) {
            return;
        }
        let desk = Arc::clone(self);
        let to = heard.clone();
        let asker = message.asker.jid.clone();
        let work = async {
            let permit = self.turns.permit(whose(&heard).as_str()).await;
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                desk.bot.converse(&message, &mut Back { desk: &desk, heard: &to, message: &message });
            })
            .await
        };
        tokio::pin!(work);
        let ended = tokio::select! {
            ended = &mut work => ended,
            () = tokio::time::sleep(PATIENCE) => {
                self.handle.composing(&heard, true);
                let ended = work.await;
                self.handle.composing(&heard, false);
                ended
            }
        };
        if let Err(error) = ended {
            let reference = crate::error::Reference::new();
            tracing::error!(%reference, %error, "a turn broke");
            let phrase = Phrase::common("went_wrong").with("reference", reference.to_string());
            let text = self.bot.phrases(asker.as_deref()).phrase(&phrase, &self.now());
            self.send(Said::answer(&heard, text));
        }
    }

    /// Everybody who decides here is told something about the agent itself: those whom the configuration names, and those who see the desk.
    pub(crate) fn tell_admins(&self, phrase: &Phrase) {
        let access = self.bot.access();
        let named = access.who_can(Role::Admin);
        let mut people: Vec<BareJid> = named.iter().filter_map(|who| BareJid::new(who).ok()).collect();
        let seeing = self.handle.subscribers(None).into_iter();
        people.extend(seeing.filter(|person| access.role(person.as_str()) >= Some(Role::Admin)));
        people.sort();
        people.dedup();
        for person in people {
            self.send(Said::alert(None, &person, self.text_for(&person, phrase)));
        }
    }

    /// Says something; true if the link took it.
    fn send(&self, said: Said) -> bool {
        self.handle.say(said).inspect_err(|error| tracing::warn!(%error, "something was not sent")).is_ok()
    }

    /// Something happened on a host. Gives what is to be told of addresses once it is told.
    pub(crate) fn happened(self: &Arc<Self>, event: &HostEvent) -> Vec<News> {
        let news = self.addresses(event);
        let now = self.now();
        self.bot.happened(event, &now);
        if event.kind == EventKind::Doubled {
            self.tell_admins(&events::words::phrase(event, None));
        }
        self.bot.settle(event, &now, &mut |message, rendered| self.tell_asker(message, rendered));
        news
    }

    /// Whoever sees them is shown how they are now.
    pub(crate) fn looks_changed(&self, event: &HostEvent) {
        match &event.machine {
            Some((id, _)) => {
                self.changed(&Entity::Machine(id.clone()));
                self.changed(&Entity::Hypervisor(event.hypervisor.clone()));
                if let Some(left) = event.was.as_ref().filter(|_| event.kind == EventKind::Moved) {
                    self.changed(&Entity::Hypervisor(left.clone()));
                }
            }
            None => {
                for local in self.board.locals_on(&event.hypervisor) {
                    self.handle.presence_changed(Some(&local));
                }
            }
        }
        // It counts them all.
        self.handle.presence_changed(None);
    }

    fn changed(&self, entity: &Entity) {
        for local in self.board.locals(entity) {
            self.handle.presence_changed(Some(&local));
        }
    }

    /// Whether somebody may still be told anything: asked when it is told.
    fn may_hear(&self, person: &str) -> bool {
        self.bot.access().role(person).is_some()
    }

    /// Says something to whoever once asked, where they asked, unless they lost the right meanwhile.
    fn tell_asker(&self, message: &Message, rendered: Rendered) {
        self.answer_asker(message, Answer { rendered, question: None, outcome: true });
    }

    /// Everybody concerned hears it once: from the machine, else from its host; rooms from the host.
    pub(crate) fn notice(&self, notice: &Notice) {
        if let Some(burst) = &notice.burst {
            return self.notice_burst(notice, burst);
        }
        let own = self.board.local(&notice.about);
        let host = match &notice.about {
            Entity::Machine(id) => self.board.local(&Entity::Hypervisor(id.hypervisor.clone())),
            _ => None,
        };
        let left = notice.left.as_ref().and_then(|left| self.board.local(&Entity::Hypervisor(left.clone())));
        let mut told: Vec<String> = notice.except.iter().cloned().collect();
        for entity in [Some(&own), Some(&host), left.is_some().then_some(&left)].into_iter().flatten() {
            if entity.is_none() && notice.about != Entity::Desk {
                continue;
            }
            for person in self.handle.subscribers(entity.as_deref()) {
                if !told.contains(&person.to_string()) {
                    told.push(person.to_string());
                    let text = self.text_for(&person, &notice.phrase);
                    self.send(Said::alert(entity.as_deref(), &person, text));
                }
            }
        }
        let mut rooms: Vec<String> = notice.except_room.iter().cloned().collect();
        for entity in [host.or(own), None].into_iter().chain(left.map(Some)) {
            for room in self.handle.rooms(entity.as_deref()) {
                if !rooms.contains(&room.to_string()) {
                    rooms.push(room.to_string());
                    self.send(Said::to_room(entity.as_deref(), &room, notice.text.clone()));
                }
            }
        }
    }

    /// Everybody hears one line of a burst: of the whole of it whoever sees the host, and of those that they see the others.
    fn notice_burst(&self, notice: &Notice, burst: &Burst) {
        let host = self.board.local(&notice.about);
        let mut told: Vec<BareJid> = Vec::new();
        if host.is_some() {
            for person in self.handle.subscribers(host.as_deref()) {
                let text = self.text_for(&person, &notice.phrase);
                self.send(Said::alert(host.as_deref(), &person, text));
                told.push(person);
            }
        }
        // In the order of the machines, so that it is the first one that speaks.
        let mut seen: Vec<(BareJid, Vec<MachineId>)> = Vec::new();
        for machine in burst.machines() {
            let Some(local) = self.board.local(&Entity::Machine(machine.clone())) else { continue };
            for person in self.handle.subscribers(Some(&local)) {
                if told.contains(&person) {
                    continue;
                }
                match seen.iter_mut().find(|(known, _)| *known == person) {
                    Some((_, machines)) => machines.push(machine.clone()),
                    None => seen.push((person, vec![machine.clone()])),
                }
            }
        }
        for (person, machines) in seen {
            let Some(part) = burst.part(&machines) else { continue };
            let local = machines.first().and_then(|machine| self.board.local(&Entity::Machine(machine.clone())));
            let text = self.text_for(&person, &part.phrase());
            self.send(Said::alert(local.as_deref(), &person, text));
        }
        let mut rooms: Vec<BareJid> = Vec::new();
        for entity in [host, None] {
            for room in self.handle.rooms(entity.as_deref()) {
                if !rooms.contains(&room) {
                    self.send(Said::to_room(entity.as_deref(), &room, notice.text.clone()));
                    rooms.push(room);
                }
            }
        }
    }

    pub(crate) fn look_after(self: &Arc<Self>) {
        let due = self.greetings.lock().due(Instant::now());
        for (person, greeting) in due.iter().filter(|(person, _)| self.may_hear(person.as_str())) {
            self.greet(person, greeting);
        }
        self.look_how_far();
        for machine in self.bot.engine().take_changed_work() {
            self.changed(&Entity::Machine(machine));
        }
        // One that waits for somebody's turn must not be joined by another each second.
        if self.looking.swap(true, Ordering::SeqCst) {
            return;
        }
        let looking = Looking(Arc::clone(self));
        tokio::task::spawn_blocking(move || {
            let desk = &looking.0;
            let now = desk.now();
            desk.bot.look_after_on(&now, &mut |message, answer| desk.answer_asker(message, answer));
            let mut tidied = desk.tidied.lock();
            if now.timestamp().duration_since(*tidied) >= TIDY_EVERY {
                *tidied = now.timestamp();
                desk.bot.forget_old(now.timestamp());
            }
        });
    }

    /// Reads how far jobs are, beside everything else: a host may take its time.
    fn look_how_far(self: &Arc<Self>) {
        if self.asking.swap(true, Ordering::SeqCst) {
            return;
        }
        let desk = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let _ = guarded("how far jobs are", || desk.bot.engine().look_how_far());
            desk.asking.store(false, Ordering::SeqCst);
        });
    }

    /// Whoever has the desk in their contacts hears that nobody was there for a while.
    fn tell_absence(&self, absence: Option<SignedDuration>) {
        if let Some(span) = absence.filter(|span| *span >= WORTH_TELLING) {
            self.handle
                .broadcast(None, &self.bot.engine().text(&Phrase::common("away").with("span", span), &self.now()));
        }
    }

    /// Ops that the last stop cut off: whoever wanted them hears what became of them, as far as it can be seen, and what is left over.
    pub(crate) fn tell_unfinished(self: &Arc<Self>, cut_off: CutOff) {
        let CutOff { unfinished, begun } = cut_off;
        // Of what did end, whoever was not told can't know.
        let unanswered = begun.into_iter().filter(|begun| {
            let told = unfinished.iter().any(|one| one.actor == begun.actor && one.verb == begun.verb);
            !told && !self.debts.owes(&begun.actor, begun.at)
        });
        let unanswered: Vec<Unfinished> = unanswered
            .map(|begun| Unfinished {
                actor: begun.actor,
                verb: begun.verb,
                about: begun.about,
                op: serde_json::Value::Null,
                id: String::new(),
            })
            .collect();
        let desk = Arc::clone(self);
        // Hosts are asked, which may take its time.
        tokio::task::spawn_blocking(move || {
            for one in unfinished.iter().chain(&unanswered) {
                guarded("what was cut off", || desk.tell_cut_off(one));
            }
        });
    }

    fn tell_cut_off(&self, one: &Unfinished) {
        let op = Op::read(&one.op).ok();
        let done = op.as_ref().and_then(|op| self.bot.engine().cut_off(op));
        let Ok(person) = BareJid::new(&one.actor) else { return };
        if !self.may_hear(person.as_str()) {
            return;
        }
        let named = |about: &String| self.host.machines().into_iter().find(|machine| machine.name == *about);
        let machine = one.about.as_ref().and_then(named);
        let verb = self.bot.engine().title(person.as_str(), &one.verb);
        let phrase = match &machine {
            Some(machine) => Phrase::common(match done {
                Some(true) => "cut_off_done",
                Some(false) => "cut_off_not_done",
                None => "cut_off",
            })
            .with("name", machine.name.as_str())
            .with("is", crate::refusal::how(machine))
            .with("verb", verb),
            None => Phrase::common("cut_off_unseen").with("verb", verb),
        };
        let left = op.filter(|_| done != Some(true)).and_then(|op| self.bot.engine().left_over(&op, &[]));
        let left = left.map(|volumes| self.text_for(&person, &Phrase::common("behind").with("volumes", volumes)));
        let local = machine.and_then(|machine| self.board.local(&Entity::Machine(machine.id.clone())));
        let told = [Some(self.text_for(&person, &phrase)), left].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.send(Said::alert(local.as_deref(), &person, told));
    }
}

/// Ends a look when it is dropped.
struct Looking(Arc<Dispatcher>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.looking.store(false, Ordering::SeqCst);
    }
}

/// By whom a message counts: the person, or whoever all guests of a room are.
fn whose(heard: &Heard) -> BareJid {
    heard.authority().unwrap_or_else(|| heard.from.to_bare())
}
