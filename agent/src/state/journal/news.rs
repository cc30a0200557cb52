//! What admins are told of the journal.

use dialogue::reply::Phrase;

use super::line::Damage;

/// What has come to be known of the journal since anybody was told.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It does not hold, or somebody touched it.
    Damaged(Damage),
    /// It can't be written, and why.
    Stuck(String),
    /// It can be written again.
    GoesOn,
}

impl News {
    /// In words.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Damaged(Damage { what, line, aside, .. }) => {
                let id = format!("journal_{}{}", what.name(), if aside.is_some() { "_kept" } else { "" });
                Phrase::common(&id).with("line", line.to_string()).with("file", aside.clone().unwrap_or_default())
            }
            Self::Stuck(why) => Phrase::common("journal_stuck").with("why", why.as_str()),
            Self::GoesOn => Phrase::common("journal_goes_on"),
        }
    }
}
