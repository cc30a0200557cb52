//! `atoll converse`: whole conversations without XMPP and libvirt, by the bot itself over a host in memory, a JSON object a line.
//!
//! | line in | is |
//! |---|---|
//! | `{"world": {…}}` | begins a conversation: hosts with their machines, people with their roles, perhaps a room; see [`World`] |
//! | `{"to": "web1", "text": "…"}` | a turn: said to a machine, a host, the `desk` or the `room`; `who` (else the first person) and `after` ("5m" pass first) may be left out |
//!
//! Each turn is answered by a line, before the next is read; see [`Told`]. The contract is stable: measurements are made through it.

use std::io::{BufRead, Write};
use std::sync::Arc;

use dialogue::conditions::is_condition;
use dialogue::machine::{Input, Utterance};
use dialogue::session::{About, Open};
use dialogue::spec::TARGET;
use grammar::value::Value;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::channels::reception::addressed;
use crate::config::Grant;
use crate::conversation::{Bot, Carried, Parts, Turned};
use crate::host::fake::Fake;
use crate::host::{HostEvent, HostRead, MachineId};
use crate::message::{Answer, Asker, Channel, Message, Put};
use crate::nlu::Nlu;
use crate::people::addresses::Entity;
use crate::state::journal::Journal;
use crate::state::lock::{LockError, StoreLock};
use crate::state::store::{Store, StoreError};

pub mod judge;
pub mod world;

pub use world::World;

/// Where people of a conversation live, and where its room is.
const HOME: &str = "example.org";
const ROOM: &str = "ops@rooms.example.org";
/// What is taken back is said to be done by this skill.
const UNDO: &str = "talk.undo";

/// One thing said.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// To whom: a machine (`name@host` when two hosts have one of that name), a host, `desk` or `room`.
    pub to: String,
    /// What.
    pub text: String,
    /// By whom; the first person of the world when left out.
    #[serde(default)]
    pub who: Option<String>,
    /// How much time passes before.
    #[serde(default)]
    pub after: Option<SignedDuration>,
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// What is answered, in order; nothing when nobody feels spoken to.
    pub replies: Vec<String>,
    /// What was done to hosts and settings, in order.
    pub applied: Vec<Done>,
    /// What this turn's reply asks; `None` when it only answers, whatever is still open.
    pub asked: Option<Asked>,
    /// What is open now, in words.
    pub open: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// By which skill.
    pub skill: String,
    /// To which machines; `name@host` when two hosts have one of that name.
    #[serde(default)]
    pub machines: Vec<String>,
    /// With which values, in their canonical notation.
    #[serde(default)]
    pub slots: std::collections::BTreeMap<String, String>,
}

/// What a reply asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Yes or no.
    Confirm,
    /// That a name be typed.
    Type,
    /// A value that is missing.
    Slot,
    /// One of several machines, things or meanings.
    Choose,
}

/// Why a conversation can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ConverseError {
    /// A line is neither world nor turn, or speaks of what its world doesn't have.
    #[error("line {line}: {why}")]
    Line { line: usize, why: String },
    /// Reading or writing failed.
    #[error("reading or writing failed")]
    Io(#[from] std::io::Error),
    /// There is no place to keep the conversation while it lasts.
    #[error("the conversation can't be kept while it lasts")]
    Lock(#[from] LockError),
    /// The same.
    #[error("the conversation can't be kept while it lasts")]
    Store(#[from] StoreError),
}

/// A world and who talks in it.
pub struct Conversation {
    bot: Bot,
    fake: Arc<Fake>,
    heard: UnboundedReceiver<HostEvent>,
    people: Vec<String>,
    room: bool,
    now: Timestamp,
    // Last: everything that writes into it is gone then.
    _folder: tempfile::TempDir,
}

impl Conversation {
    /// A conversation in that world, in which nothing was said yet.
    ///
    /// # Errors
    /// [`ConverseError`]: what is wrong with the world, or there is no temporary folder.
    pub fn begin(nlu: &Arc<Nlu>, world: &World) -> Result<Self, ConverseError> {
        let wrong = |why: String| ConverseError::Line { line: 1, why };
        let (fake, heard) = Fake::of(world.fixture(nlu).map_err(wrong)?, world.now);
        let folder = tempfile::TempDir::with_prefix("atoll-converse-")?;
        let lock = StoreLock::take(&folder.path().join("store"), "converse")?;
        let journal = Arc::new(Journal::in_memory());
        let grants: Vec<Grant> =
            world.people.iter().map(|person| Grant { who: address(&person.name), role: person.role }).collect();
        let bot = Bot::new(Parts::over(nlu, &fake, &grants, journal, Store::open(&lock)?));
        let people = world.people.iter().map(|person| person.name.clone()).collect();
        let bot = bot.with_counted_references();
        Ok(Self { bot, fake, heard, people, room: world.room.is_some(), now: world.now, _folder: folder })
    }

    /// Says something, and what comes of it.
    ///
    /// # Errors
    /// In words: nobody of that name speaks, or is spoken to.
    pub fn say(&mut self, turn: &Turn) -> Result<Told, String> {
        let who = turn.who.as_deref().unwrap_or(&self.people[0]).to_owned();
        if !self.people.contains(&who) {
            return Err(format!("`who`: nobody is called {who}; there are: {}", self.people.join(", ")));
        }
        let to = self.to(&turn.to, &turn.text)?;
        self.pass(turn.after.unwrap_or_default());
        let Some((entity, text)) = to else {
            return Ok(Told { replies: Vec::new(), applied: Vec::new(), asked: None, open: None });
        };
        let message = Message {
            asker: Asker { jid: Some(address(&who)), name: who },
            entity,
            room: (turn.to == "room").then(|| ROOM.to_owned()),
            utterance: Utterance { text, ..Utterance::default() },
            now: self.now.to_zoned(TimeZone::UTC),
        };
        let mut heard = Heard::default();
        let Turned { carried, open, .. } =
            self.bot.report(&message, Input::Said(message.utterance.clone()), &mut heard);
        self.happened();
        let words = |open: &Open| self.bot.phrases(message.asker.jid.as_deref()).reply(&open.asked, &message.now).text;
        Ok(Told {
            replies: heard.replies,
            applied: self.done(carried),
            asked: open.as_ref().filter(|_| heard.asks).map(asked),
            open: open.as_ref().map(words),
        })
    }

    /// To whom something is said, and what is left of it then; `None` when nobody in the room is.
    fn to(&self, to: &str, text: &str) -> Result<Option<(Entity, String)>, String> {
        let said = |entity| Ok(Some((entity, text.to_owned())));
        let hosts = self.fake.hypervisors();
        if to == "room" && self.room {
            let ear = self.bot.ear(self.now.to_zoned(TimeZone::UTC));
            let in_room =
                |host: &str| addressed(text, host, false, &Entity::Hypervisor(host.to_owned()), &*self.fake, &ear);
            return Ok(hosts.iter().find_map(|host| in_room(&host.name)));
        }
        if to == "desk" {
            return said(Entity::Desk);
        }
        if hosts.iter().any(|host| host.name == to) {
            return said(Entity::Hypervisor(to.to_owned()));
        }
        let machines = self.fake.machines();
        let named = machines.iter().find(|machine| machine.name == to || at_host(&machine.name, &machine.id) == to);
        match named {
            Some(machine) => said(Entity::Machine(machine.id.clone())),
            None => Err(format!("`to`: {to} is neither a machine nor a host of this world, nor desk, nor its room")),
        }
    }

    /// Time passes, and what is due is done.
    fn pass(&mut self, time: SignedDuration) {
        self.now += time;
        self.fake.set_now(self.now);
        self.bot.look_after(&self.now.to_zoned(TimeZone::UTC), &mut |_, _| {});
        self.happened();
    }

    fn happened(&mut self) {
        let now = self.now.to_zoned(TimeZone::UTC);
        while let Ok(event) = self.heard.try_recv() {
            self.bot.happened(&event, &now);
            self.bot.settle(&event, &now, &mut |_, _| {});
        }
    }

    /// Steps of one skill with the same values are one thing done to several machines.
    fn done(&self, carried: Vec<Carried>) -> Vec<Done> {
        let mut all: Vec<Done> = Vec::new();
        for Carried { call, machine, undoing } in carried {
            let values = call.args.iter().filter(|(name, _)| name.as_str() != TARGET && !is_condition(name));
            let slots = values.map(|(name, value)| (name.clone(), said(value))).collect();
            let machines = machine.iter().map(|machine| self.shown(&machine.name, &machine.id)).collect();
            let skill = if undoing { UNDO.to_owned() } else { call.skill };
            let done = Done { skill, machines, slots: if undoing { Default::default() } else { slots } };
            match all.last_mut().filter(|last| last.skill == done.skill && last.slots == done.slots) {
                Some(last) => last.machines.extend(done.machines),
                None => all.push(done),
            }
        }
        all
    }

    fn shown(&self, name: &str, id: &MachineId) -> String {
        if self.fake.named(name).len() > 1 { at_host(name, id) } else { name.to_owned() }
    }
}

fn at_host(name: &str, id: &MachineId) -> String {
    format!("{name}@{}", id.hypervisor)
}

fn address(name: &str) -> String {
    format!("{name}@{HOME}")
}

/// A value without the marks that its notation would put around a name.
fn said(value: &Value) -> String {
    match value {
        Value::Name(text) | Value::Text(text) | Value::Choice(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What an open question wants.
fn asked(open: &Open) -> Asked {
    match &open.about {
        About::Confirm { by_name: true, .. } => Asked::Type,
        About::Confirm { .. } => Asked::Confirm,
        About::Skills { .. } => Asked::Choose,
        About::Slots { missing, .. } => {
            let machine = missing.first().is_some_and(|slot| slot == TARGET);
            if machine && !open.asked.choices.is_empty() { Asked::Choose } else { Asked::Slot }
        }
    }
}

/// All that is said in one turn.
#[derive(Default)]
struct Heard {
    replies: Vec<String>,
    asks: bool,
}

impl Channel for Heard {
    fn say(&mut self, answer: Answer) -> bool {
        self.asks |= answer.question == Some(Put::Asked);
        self.replies.push(answer.rendered.text);
        true
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begins {
    world: World,
}

/// Holds conversations: a world, then a line for a line, each written before the next is read. Another world begins anew.
///
/// # Errors
/// [`ConverseError`]; what was answered before it stays written.
pub fn batch(nlu: &Arc<Nlu>, input: impl BufRead, mut output: impl Write) -> Result<(), ConverseError> {
    let mut conversation: Option<Conversation> = None;
    for (index, line) in input.lines().enumerate() {
        let (line, at) = (line?, index + 1);
        let wrong = |why: String| ConverseError::Line { line: at, why };
        if line.trim().is_empty() {
            continue;
        }
        let value: serde_json::Value = serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
        if value.get("world").is_some() {
            let begins: Begins = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
            let begun = Conversation::begin(nlu, &begins.world).map_err(|error| match error {
                ConverseError::Line { why, .. } => wrong(why),
                error => error,
            });
            conversation = Some(begun?);
            continue;
        }
        let turn: Turn = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        let conversation = conversation.as_mut().ok_or_else(|| wrong("the first line is the world".to_owned()))?;
        let told = conversation.say(&turn).map_err(wrong)?;
        serde_json::to_writer(&mut output, &told).map_err(std::io::Error::from)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}
