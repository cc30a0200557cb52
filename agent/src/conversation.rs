//! The driver of conversations: a message in, the conversation's actions carried out, what is said out.
//!
//! A turn is synchronous and runs on a blocking thread, since libvirt's calls block; turns of one conversation follow each
//! other, turns of others run beside them. Order around an op: store flushed, journal says what is about to be done
//! (synced when destructive), the op, journal says how it ended, everybody is told: that part is in [`mod@apply`].

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dialogue::machine::{self, Action, Applied, Around, Input, Planned};
use dialogue::phrases::{Phrases, Rendered};
use dialogue::reply::{Phrase, Reply};
use dialogue::session::{About, Call, Done, Session, Trace};
use dialogue::topics::Talk;
use jiff::{SignedDuration, Timestamp, Zoned};
use parking_lot::Mutex;

use crate::engine::planner::{Made, Planner, Step};
use crate::engine::{self, Committed, Engine, Place};
pub use crate::engine::{Caution, Host, Own};
use crate::events::{InFlight, Notice};
use crate::host::HostEvent;
use crate::message::{Answer, Certain, Channel, Message, Put};
use crate::nlu::Nlu;
use crate::nlu::known::Callings;
use crate::nlu::misses::{self, Misses};
use crate::people::access::Access;
use crate::people::addresses::Entity;
use crate::people::languages::{Languages, Spoken};
use crate::state::journal::Journal;
use crate::state::store::Store;

mod owed;
mod parts;
mod place;
mod turn;
mod watched;

pub(crate) use owed::CutOff;
pub use turn::{Carried, Turned};
use turn::{Conversation, Unanswered};

/// The driver of conversations.
pub struct Bot {
    engine: Arc<Engine>,
    machine: machine::Machine,
    store: Store,
    callings: Callings,
    conversations: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// When each conversation last heard what may be "it".
    heard: Mutex<HashMap<String, Timestamp>>,
    /// Whose conversation with an entity in a room went on last, by its key, and when.
    last_in_room: Mutex<HashMap<(String, String), (String, Timestamp)>>,
    /// Who of our entities was last told not to, where nothing was open there, by room or person: in which conversation, and when.
    refused: Mutex<HashMap<String, (String, String, Timestamp)>>,
    misses: Option<Misses>,
}

/// How long what was told may be "it".
const TOPICAL: SignedDuration = SignedDuration::from_mins(15);
/// Conversations remembered for that before old ones are forgotten.
const MOST_TOPICS: usize = 4_096;
/// What an entity is told that is not to do what it was, perhaps, about to.
const REFUSALS: [&str; 3] = ["talk.no", "talk.cancel", "talk.stop"];

/// What a bot is made of.
pub struct Parts {
    /// Words and classifier.
    pub nlu: Arc<Nlu>,
    /// Hosts.
    pub host: Arc<dyn Host>,
    /// The agent's own affairs.
    pub affairs: Arc<dyn Own>,
    /// Who may do what.
    pub access: Access,
    /// The journal.
    pub journal: Arc<Journal>,
    /// Open conversations.
    pub store: Store,
    /// Ops under way, for the events they cause.
    pub in_flight: Arc<InFlight>,
    /// How careful to be.
    pub caution: Caution,
    /// Who is answered in which language.
    pub languages: Arc<Languages>,
    /// What the front desk calls itself.
    pub desk: String,
    /// Where what everybody should hear goes.
    pub notices: Box<dyn Fn(Notice) + Send + Sync>,
}

impl Bot {
    /// A bot of these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { nlu, host, affairs, access, journal, store, in_flight, caution, languages, desk, notices } = parts;
        let machine = machine::Machine::new(Arc::clone(nlu.book()));
        let parts = engine::Parts { nlu, host, affairs, access, journal, in_flight, caution, languages, desk, notices };
        Self {
            engine: Arc::new(Engine::new(parts)),
            machine,
            store,
            callings: Callings::default(),
            conversations: Mutex::default(),
            heard: Mutex::default(),
            last_in_room: Mutex::default(),
            refused: Mutex::default(),
            misses: None,
        }
    }

    /// Writes down what is not understood.
    #[must_use]
    pub fn with_misses(self, misses: Misses) -> Self {
        Self { misses: Some(misses), ..self }
    }

    /// References counted instead of drawn, for transcripts.
    #[must_use]
    pub fn with_counted_references(self) -> Self {
        self.engine.count_references();
        self
    }

    /// What carries out what was agreed on.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.engine.access
    }

    /// The words.
    pub fn nlu(&self) -> &Nlu {
        &self.engine.nlu
    }

    /// How one person is spoken to; `None` is a room, or everybody.
    pub(crate) fn phrases(&self, person: Option<&str>) -> &Phrases {
        self.engine.phrases(person)
    }

    /// An event came from a host: it is written down, and told unless an op's own telling has said it already.
    pub fn happened(&self, event: &HostEvent, now: &Zoned) {
        self.engine.happened(event, now);
    }

    /// A host is back: whoever was told "I don't know whether that happened" learns how the machine is now.
    pub fn settle(&self, event: &HostEvent, now: &Zoned, say: &mut dyn FnMut(&Message, Rendered)) {
        self.engine.settle(event, now, say);
    }

    /// How long an asker is kept waiting for a change before they are told that it goes on, for tests.
    pub fn set_answer_within(&self, span: std::time::Duration) {
        self.engine.set_answer_within(span);
    }

    /// Waits until no change is being carried out; false when that takes longer.
    pub fn wait_idle(&self, timeout: std::time::Duration) -> bool {
        self.engine.jobs.wait_idle(timeout)
    }

    /// Takes one message; `say` gets each answer as it comes, and all are heard. Blocks for as long as plans and ops take.
    pub fn hear(&self, message: &Message, say: &mut dyn FnMut(Rendered)) {
        self.converse(message, &mut Certain(say));
    }

    /// Takes one message, and answers where answers may be lost.
    pub fn converse(&self, message: &Message, channel: &mut dyn Channel) {
        self.turn_on(message, Input::Said(message.utterance.clone()), channel);
    }

    /// One turn, and how its text was understood.
    pub fn turn(&self, message: &Message, input: Input, say: &mut dyn FnMut(Rendered)) -> Trace {
        self.report(message, input, &mut Certain(say)).trace
    }

    /// One turn, and all that came of it.
    pub fn report(&self, message: &Message, input: Input, channel: &mut dyn Channel) -> Turned {
        self.turn_on(message, input, channel)
    }

    /// One turn. Whatever breaks in it ends this turn and nothing else, and the person is told with a reference.
    fn turn_on(&self, message: &Message, input: Input, channel: &mut dyn Channel) -> Turned {
        let key = self.key(message);
        let conversation = Conversation::of(self, key.clone());
        let _turn = conversation.lock.lock();
        let turn = catch_unwind(AssertUnwindSafe(|| self.unguarded_turn(&key, message, input, channel)));
        turn.unwrap_or_else(|_| {
            let reply = self.engine.failure("went_wrong", Vec::new());
            let rendered = self.phrases(message.asker.jid.as_deref()).reply(&reply, &message.now);
            channel.say(Answer { rendered, question: None, outcome: true });
            Turned { trace: Trace { why: "broke".to_owned(), ..Trace::default() }, ..Turned::default() }
        })
    }

    fn unguarded_turn(&self, key: &str, message: &Message, input: Input, channel: &mut dyn Channel) -> Turned {
        let (mut session, lost) = self.store.session(key, self.engine.languages.common());
        if let Some(person) = &message.asker.jid {
            let Spoken { language, fixed } = self.engine.languages.of(person);
            (session.language, session.fixed) = (language, fixed);
        }
        if matches!(input, Input::Said(_))
            && let Some(absent) = self.absent(&message.entity)
        {
            let rendered =
                self.engine.nlu.book().words(&session.language).phrases.reply(&Reply::say(absent), &message.now);
            channel.say(Answer { rendered, question: None, outcome: false });
            return Turned::default();
        }
        let place = self.engine.place(&message.entity);
        let known = self.known_at(&place);
        let around = Around {
            now: &message.now,
            known: &known,
            scope: place.scope,
            entity: &place.name,
            room: message.room.is_some(),
            asker: &message.asker.name,
            ask_disruptive: self.engine.caution.ask_disruptive,
        };
        if lost {
            let reply = Reply::say(Phrase::common("conversation_lost"));
            let rendered = self.engine.nlu.book().words(&session.language).phrases.reply(&reply, &message.now);
            channel.say(Answer { rendered, question: None, outcome: true });
        }
        if let Some(machines) = self.topic(key, message.now.timestamp()) {
            session = self.machine.on(session, Input::Event { machines }, &around).0;
        }
        let said = matches!(input, Input::Said(_));
        let open_before = session.open.is_some();
        if said {
            self.note_refused(key, message, &mut session);
            self.note_speaker(key, &place.name, message, &mut session);
        }
        let mut first = None;
        let mut made: HashMap<String, Made> = HashMap::new();
        let mut undoing: HashSet<String> = HashSet::new();
        let mut carried = Vec::new();
        let mut inputs = std::collections::VecDeque::from([input]);
        // Until the turn ends, its changes may have been made and nobody been told.
        let mut begun: Option<Unanswered<'_>> = None;
        while let Some(input) = inputs.pop_front() {
            let (next, actions) = self.machine.on(session, input, &around);
            session = next;
            for action in actions {
                match action {
                    Action::Rank(text) => {
                        let ranking = self.engine.nlu.rank(&text);
                        first = ranking.ranked.first().cloned();
                        inputs.push_back(Input::Ranked(ranking));
                    }
                    Action::Plan(calls) => inputs.push_back(self.plan(message, &place, &session, &calls, &mut made)),
                    Action::PlanUndo(done) => {
                        let planned = self.plan_undo(message, &place, &session, &done, &mut made);
                        if let Input::Planned(Planned::Ready { change: Some(plan), .. }) = &planned {
                            undoing.insert(plan.digest.clone());
                        }
                        inputs.push_back(planned);
                    }
                    Action::Apply(plan) => {
                        begun = Some(Unanswered::new(&self.store, message, &plan));
                        self.keep(key, &session, true);
                        let applied = match made.remove(&plan.digest) {
                            Some(made) => match self.engine.commit(message, made) {
                                Committed::Ended(outcome) => {
                                    let undoing = undoing.contains(&plan.digest);
                                    let carry =
                                        |step: Step| Carried { call: step.call, machine: step.machine, undoing };
                                    carried.extend(outcome.steps.into_iter().map(carry));
                                    outcome.applied
                                }
                                Committed::UnderWay(job) => {
                                    job.keeps(begun.as_mut().and_then(Unanswered::keep));
                                    let reply = Reply::say(job.acknowledgement());
                                    Applied::UnderWay { job: job.id.clone(), reply }
                                }
                            },
                            None => Applied::Failed {
                                reply: self.engine.failure("went_wrong", Vec::new()),
                                undo: Vec::new(),
                            },
                        };
                        inputs.push_back(Input::Applied(applied));
                    }
                    Action::Say(reply) => {
                        let rendered =
                            self.engine.nlu.book().words(&session.language).phrases.reply(&reply, &message.now);
                        channel.say(Answer { rendered, question: None, outcome: begun.is_some() });
                    }
                    Action::Ask(ref reply) | Action::Remind(ref reply) => {
                        // On the disk before it is shown, so that whoever answers after a crash is understood.
                        let device = &message.utterance.device;
                        session = self.machine.on(session, Input::Shown { on: device.clone() }, &around).0;
                        self.keep(key, &session, true);
                        let rendered =
                            self.engine.nlu.book().words(&session.language).phrases.reply(reply, &message.now);
                        let put = if matches!(action, Action::Remind(_)) { Put::Waiting } else { Put::Asked };
                        let answer = Answer { rendered, question: Some(put), outcome: begun.is_some() };
                        if !channel.say(answer) && session.not_seen(device) {
                            self.keep(key, &session, true);
                        }
                    }
                    Action::Wait(_) => {}
                }
            }
        }
        if let Some(person) = &message.asker.jid {
            self.engine.languages.keep(person, Spoken { language: session.language.clone(), fixed: session.fixed });
        }
        let refuses = session.trace.why == "negated"
            || session.trace.skill.as_deref().is_some_and(|skill| REFUSALS.contains(&skill));
        if said && refuses && !open_before {
            let told = (key.to_owned(), place.name.clone(), message.now.timestamp());
            self.refused.lock().insert(around_whom(message), told);
        }
        self.keep(key, &session, false);
        drop(begun);
        let again = session.trace.why == dialogue::understand::REPEATED;
        if let Some(misses) = self.misses.as_ref().filter(|_| said && !again) {
            let heard = misses::Heard {
                text: &message.utterance.text,
                trace: &session.trace,
                ranked: first.as_ref(),
                language: &session.heard,
                to: place.scope,
                at: message.now.timestamp(),
            };
            misses.heard(key, &heard, &|| misses::names(&*self.engine.host, &message.asker.name));
        }
        Turned { trace: session.trace, carried, open: session.open }
    }

    /// In a room the conversation is everybody's: where somebody else spoke to the entity since a question was put, a yes may be about that.
    fn note_speaker(&self, key: &str, entity: &str, message: &Message, session: &mut Session) {
        let Some(room) = &message.room else { return };
        let now = message.now.timestamp();
        let last = self.last_in_room.lock().insert((entity.to_owned(), room.clone()), (key.to_owned(), now));
        if let Some((other, at)) = last
            && other != key
            && let Some(open) = session.open.as_mut().filter(|open| at >= open.at)
        {
            open.passed = true;
        }
    }

    /// "web2: no", said to a machine that has asked nothing: a plan that another entity has shown for it is asked once more.
    fn note_refused(&self, key: &str, message: &Message, session: &mut Session) {
        let Some(open) = session.open.as_mut() else { return };
        let About::Confirm { plan, .. } = &open.about else { return };
        let mut refused = self.refused.lock();
        let concerns = |name: &str| plan.subjects.iter().any(|subject| subject.eq_ignore_ascii_case(name));
        let whom = around_whom(message);
        let counts =
            |(other, name, at): &(String, String, Timestamp)| *other != key && *at >= open.at && concerns(name);
        // It is asked once more once, however little time goes by.
        if refused.get(&whom).is_some_and(counts) {
            refused.remove(&whom);
            open.passed = true;
        }
    }

    /// The key of a conversation: person, entity, direct or room.
    pub(crate) fn key(&self, message: &Message) -> String {
        let person = asker(message);
        let entity = match &message.entity {
            Entity::Desk => String::new(),
            Entity::Hypervisor(name) => name.clone(),
            Entity::Machine(id) => id.uuid.to_string(),
        };
        format!("{person}|{entity}|{}", message.room.as_deref().unwrap_or_default())
    }

    fn keep(&self, key: &str, session: &Session, flush: bool) {
        let kept = self.store.keep(key, session).and_then(|()| if flush { self.store.flush() } else { Ok(()) });
        if let Err(error) = kept {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "a conversation could not be kept");
        }
    }

    /// What is said for somebody who can't be asked: out of sight since the start, or gone.
    fn absent(&self, entity: &Entity) -> Option<Phrase> {
        let host = entity.hypervisor()?;
        let configured = self.engine.host.hypervisors().into_iter().find(|known| known.name == host);
        let phrase = match (entity, configured) {
            (Entity::Hypervisor(_), Some(_)) => return None,
            (Entity::Machine(id), Some(_)) if self.engine.host.machine(id).is_some() => return None,
            (Entity::Machine(id), Some(known)) if !known.read => {
                let remembered = self.engine.host.remembered().into_iter().find(|(remembered, _)| remembered == id);
                let name = remembered.map_or_else(|| id.uuid.to_string(), |(_, name)| name);
                Phrase::common("absent_unread").with("name", name)
            }
            (_, Some(_)) => Phrase::common("absent_gone"),
            (_, None) => Phrase::common("absent_unconfigured"),
        };
        Some(phrase.with("host", host))
    }

    fn planner<'a>(&'a self, message: &'a Message, place: &'a Place, session: &'a Session) -> Planner<'a> {
        Planner {
            host: &*self.engine.host,
            affairs: &*self.engine.affairs,
            jobs: &self.engine.jobs,
            access: &self.engine.access,
            book: self.engine.nlu.book(),
            scope: place.scope,
            entity: &place.name,
            hypervisor: place.hypervisor.as_deref(),
            own: place.own.as_ref().and_then(|id| self.engine.host.machine(id)),
            asker: &message.asker,
            now: &message.now,
            language: &session.language,
            talk: Talk::of(session),
            most_at_once: self.engine.caution.most_at_once,
        }
    }

    fn plan(
        &self,
        message: &Message,
        place: &Place,
        session: &Session,
        calls: &[Call],
        plans: &mut HashMap<String, Made>,
    ) -> Input {
        let (planned, made) = self.planner(message, place, session).plan(calls);
        self.keep_plan(planned, made, plans)
    }

    fn plan_undo(
        &self,
        message: &Message,
        place: &Place,
        session: &Session,
        done: &[Done],
        plans: &mut HashMap<String, Made>,
    ) -> Input {
        let (planned, made) = self.planner(message, place, session).undo(done);
        self.keep_plan(planned, made, plans)
    }

    fn keep_plan(&self, planned: Planned, made: Option<Made>, plans: &mut HashMap<String, Made>) -> Input {
        let Some(made) = made else { return Input::Planned(planned) };
        // Whoever comes second is told who is first, before being asked anything.
        if let Some(busy) = self.engine.busy(&made) {
            return Input::Planned(Planned::Refused(Reply::say(busy)));
        }
        plans.insert(made.plan.digest.clone(), made);
        Input::Planned(planned)
    }

    fn topic(&self, key: &str, now: Timestamp) -> Option<Vec<String>> {
        let mut all = self.heard.lock();
        if all.len() >= MOST_TOPICS {
            all.retain(|_, at| now.duration_since(*at) < TOPICAL);
            if all.len() >= MOST_TOPICS {
                all.clear();
            }
        }
        let heard = all.insert(key.to_owned(), now).unwrap_or(Timestamp::MIN);
        let last = self.engine.last_told.lock();
        let news = last.as_ref().filter(|(at, _)| *at > heard && now.duration_since(*at) < TOPICAL);
        news.map(|(_, machine)| vec![machine.clone()])
    }
}

/// Who said it: by address, else by a name that is none.
fn asker(message: &Message) -> String {
    message.asker.jid.clone().unwrap_or_else(|| format!("?{}", message.asker.name))
}

/// The room that a message was said in, or who said it.
fn around_whom(message: &Message) -> String {
    message.room.clone().unwrap_or_else(|| asker(message))
}
