//! A message to the bot, whatever the channel: who, to whom, where, what, when.

use dialogue::machine::Utterance;
use jiff::Zoned;

use crate::addresses::Entity;

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
