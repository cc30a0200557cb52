//! How machines are, as people tell them apart and lexicons name it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// State of a machine, as people tell machines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Shut off.
    Off,
    /// Running.
    Running,
    /// Paused.
    Paused,
    /// Crashed.
    Crashed,
    /// Off, with its memory saved to disk.
    Saved,
    /// In any state but running.
    Resting,
}

impl State {
    const NAMED: [(State, &str); 6] = [
        (State::Off, "off"),
        (State::Running, "running"),
        (State::Paused, "paused"),
        (State::Crashed, "crashed"),
        (State::Saved, "saved"),
        (State::Resting, "not running"),
    ];

    /// The state a lexicon names.
    pub fn named(name: &str) -> Option<State> {
        Self::NAMED.iter().find(|(_, named)| *named == name).map(|(state, _)| *state)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMED.iter().find(|(state, _)| state == self).map_or("", |(_, name)| name))
    }
}
