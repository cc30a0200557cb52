//! How often a person is answered, and what is not answered at all.
//!
//! Two programs that answer each other would go on for ever, and nobody needs
//! more answers than can be read. So answers are counted per person, whatever
//! the entity, and a text that is our own last one come back is not heard.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::BareJid;

/// Answers per minute to a person.
const PER_MINUTE: f64 = 30.0;
/// Answers per minute to a client that says it is a bot.
const PER_MINUTE_BOT: f64 = 6.0;
/// How long our own last text is remembered.
const ECHO: Duration = Duration::from_secs(60);
/// People remembered; beyond it those longest silent are forgotten.
const MAX_PEOPLE: usize = 10_000;

/// Counts answers and remembers last texts.
#[derive(Default)]
pub struct Limits {
    people: HashMap<BareJid, Budget>,
    refused: HashMap<BareJid, Instant>,
    last: HashMap<(BareJid, Option<String>), (String, Instant)>,
}

struct Budget {
    left: f64,
    at: Instant,
    bot: bool,
    refusing: bool,
}

/// Whether an answer may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No; and it is the first time since the last that was allowed.
    Capped,
    /// No, as before.
    StillCapped,
}

impl Limits {
    /// Notes that this person's client is a program.
    pub fn is_bot(&mut self, person: &BareJid, now: Instant) {
        let budget = self.budget(person, now);
        if !budget.bot {
            budget.bot = true;
            budget.left = budget.left.min(PER_MINUTE_BOT);
        }
    }

    /// Takes one answer from the person's budget.
    pub fn answer(&mut self, person: &BareJid, now: Instant) -> Verdict {
        let budget = self.budget(person, now);
        let most = if budget.bot { PER_MINUTE_BOT } else { PER_MINUTE };
        let earned = now.saturating_duration_since(budget.at).as_secs_f64() * most / 60.0;
        budget.left = (budget.left + earned).min(most);
        budget.at = now;
        if budget.left >= 1.0 {
            budget.left -= 1.0;
            budget.refusing = false;
            return Verdict::Allowed;
        }
        if std::mem::replace(&mut budget.refusing, true) { Verdict::StillCapped } else { Verdict::Capped }
    }

    /// Remembers what an entity said to a person.
    pub fn said(&mut self, person: &BareJid, entity: Option<&str>, text: &str, now: Instant) {
        if self.last.len() >= MAX_PEOPLE {
            self.last.retain(|_, (_, at)| now.saturating_duration_since(*at) < ECHO);
            if self.last.len() >= MAX_PEOPLE {
                self.last.clear();
            }
        }
        let key = (person.clone(), entity.map(str::to_owned));
        self.last.insert(key, (text.to_owned(), now));
    }

    /// Whether a text is what the entity itself just said to that person.
    pub fn is_echo(&self, person: &BareJid, entity: Option<&str>, text: &str, now: Instant) -> bool {
        let key = (person.clone(), entity.map(str::to_owned));
        self.last
            .get(&key)
            .is_some_and(|(last, at)| last.trim() == text.trim() && now.saturating_duration_since(*at) < ECHO)
    }

    /// Whether this is the person's first refusal within a minute: the one that
    /// is told to somebody.
    pub fn first(&mut self, person: &BareJid, now: Instant) -> bool {
        let minute = Duration::from_secs(60);
        if self.refused.len() >= MAX_PEOPLE {
            self.refused.retain(|_, at| now.saturating_duration_since(*at) < minute);
        }
        if self.refused.get(person).is_some_and(|at| now.saturating_duration_since(*at) < minute) {
            return false;
        }
        self.refused.insert(person.clone(), now);
        true
    }

    fn budget(&mut self, person: &BareJid, now: Instant) -> &mut Budget {
        if self.people.len() >= MAX_PEOPLE && !self.people.contains_key(person) {
            let minute = Duration::from_secs(60);
            self.people.retain(|_, b| now.saturating_duration_since(b.at) < minute);
        }
        self.people.entry(person.clone()).or_insert(Budget { left: PER_MINUTE, at: now, bot: false, refusing: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(jid: &str) -> BareJid {
        BareJid::new(jid).unwrap()
    }

    #[test]
    fn two_bots_that_answer_each_other_are_capped_and_a_person_is_not() {
        let mut limits = Limits::default();
        let (bot, ann) = (person("bot@other.example"), person("ann@example.org"));
        let begin = Instant::now();
        limits.is_bot(&bot, begin);
        let (mut answers, mut warnings) = (0, 0);
        // Ten minutes of a bot that answers every answer at once.
        for tenth in 0..6_000 {
            let now = begin + Duration::from_millis(100 * tenth);
            match limits.answer(&bot, now) {
                Verdict::Allowed => answers += 1,
                Verdict::Capped => warnings += 1,
                Verdict::StillCapped => {}
            }
            if tenth % 100 == 0 {
                assert_eq!(limits.answer(&ann, now), Verdict::Allowed);
            }
        }
        assert!((50..=66).contains(&answers), "{answers} answers in ten minutes");
        assert!(warnings <= 66, "{warnings} warnings");
    }

    #[test]
    fn our_own_text_come_back_is_an_echo_for_a_minute_and_from_that_person_only() {
        let mut limits = Limits::default();
        let (ann, bob) = (person("ann@example.org"), person("bob@example.org"));
        let now = Instant::now();
        limits.said(&ann, Some("web1"), "web1 is running.", now);
        assert!(limits.is_echo(&ann, Some("web1"), "web1 is running. ", now));
        assert!(!limits.is_echo(&bob, Some("web1"), "web1 is running.", now));
        assert!(!limits.is_echo(&ann, Some("db"), "web1 is running.", now));
        assert!(!limits.is_echo(&ann, Some("web1"), "web1 is running.", now + ECHO));
    }
}
