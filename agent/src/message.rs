//! A message to the bot, whatever the channel: who, to whom, where, what, when.

use dialogue::machine::Utterance;
use dialogue::phrases::Rendered;
use jiff::Zoned;

use crate::people::addresses::Entity;

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Asker {
    /// Bare address; in a room the real one, if it is known.
    pub jid: Option<String>,
    /// What to call them.
    pub name: String,
}

/// One message to the bot.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who wrote it.
    pub asker: Asker,
    /// To whom.
    pub entity: Entity,
    /// In which room, if in one.
    pub room: Option<String>,
    /// What.
    pub utterance: Utterance,
    /// Now, in the asker's time zone.
    pub now: Zoned,
}

/// What is said to somebody in the course of a turn.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The words.
    pub rendered: Rendered,
    /// It asks something, for the first time or not: an answer to it counts only if it was delivered.
    pub question: Option<Put>,
    /// Something was done before it: it must not be lost.
    pub outcome: bool,
}

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is asked.
    Asked,
    /// It was asked before, and is said to be waiting still.
    Waiting,
}

/// Where the answers of a turn go.
pub trait Channel {
    /// Says it; true if it was taken for delivery.
    fn say(&mut self, answer: Answer) -> bool;
}

/// Where all that is said is heard: a terminal, a test.
pub struct Certain<'a>(pub &'a mut dyn FnMut(Rendered));

impl Channel for Certain<'_> {
    fn say(&mut self, answer: Answer) -> bool {
        (self.0)(answer.rendered);
        true
    }
}
