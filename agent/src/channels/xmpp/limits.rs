//! How much of a person is read, and what is not answered at all.
//!
//! Two programs that answer each other would go on for ever, and nobody needs
//! more answers than can be read. So messages are counted per person, whatever
//! the entity, before anything is done with them: nothing is done that can't be
//! answered. And a text that is our own last one come back is not heard.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroUsize;

use lru::LruCache;
use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::BareJid;

/// Invitations to rooms that are looked at in a row, and then one a minute.
const INVITATIONS: f64 = 5.0;
/// Messages read per minute of a person.
const PER_MINUTE: f64 = 30.0;
/// Messages read per minute of a client that says it is a bot.
const PER_MINUTE_BOT: f64 = 6.0;
/// How long nothing more is read of whoever writes more than that.
pub const PAUSE: Duration = Duration::from_secs(60);
/// How long our own last text is remembered.
const ECHO: Duration = Duration::from_secs(60);
/// People remembered; beyond it those longest silent are forgotten.
const MAX_PEOPLE: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// Counts messages and remembers last texts, of the people met last.
pub struct Limits {
    people: LruCache<BareJid, Budget>,
    refused: LruCache<(BareJid, Refused), Instant>,
    invitations: LruCache<BareJid, (f64, Instant)>,
    /// Hashes of texts.
    last: LruCache<(BareJid, Option<String>), (u64, Instant)>,
    hashing: RandomState,
}

impl Default for Limits {
    fn default() -> Self {
        // They grow as they are filled.
        let (mut people, mut refused, mut last) = (LruCache::unbounded(), LruCache::unbounded(), LruCache::unbounded());
        let mut invitations = LruCache::unbounded();
        people.resize(MAX_PEOPLE);
        refused.resize(MAX_PEOPLE);
        invitations.resize(MAX_PEOPLE);
        last.resize(MAX_PEOPLE);
        Self { people, refused, invitations, last, hashing: RandomState::new() }
    }
}

struct Budget {
    left: f64,
    at: Instant,
    bot: bool,
    /// Until when nothing is read.
    closed: Option<Instant>,
}

/// What somebody may be told once a minute that they may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// See an entity.
    Contact,
    /// Take an entity to a room.
    Invitation,
}

/// Whether a message may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No, and nothing more for [`PAUSE`].
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

    /// Takes one message from the person's budget.
    pub fn admit(&mut self, person: &BareJid, now: Instant) -> Verdict {
        let budget = self.budget(person, now);
        let most = if budget.bot { PER_MINUTE_BOT } else { PER_MINUTE };
        match budget.closed {
            Some(until) if now < until => return Verdict::StillCapped,
            Some(_) => (budget.closed, budget.left) = (None, most),
            None => {}
        }
        let earned = now.saturating_duration_since(budget.at).as_secs_f64() * most / 60.0;
        budget.left = (budget.left + earned).min(most);
        budget.at = now;
        if budget.left >= 1.0 {
            budget.left -= 1.0;
            return Verdict::Allowed;
        }
        // Otherwise now one, now another of a flood would be read, and nobody could say which.
        budget.closed = Some(now + PAUSE);
        Verdict::Capped
    }

    /// Remembers what an entity said to a person.
    pub fn said(&mut self, person: &BareJid, entity: Option<&str>, text: &str, now: Instant) {
        let key = (person.clone(), entity.map(str::to_owned));
        self.last.put(key, (self.hashing.hash_one(text.trim()), now));
    }

    /// Whether a text is what the entity itself just said to that person.
    pub fn is_echo(&self, person: &BareJid, entity: Option<&str>, text: &str, now: Instant) -> bool {
        let key = (person.clone(), entity.map(str::to_owned));
        let text = self.hashing.hash_one(text.trim());
        self.last.peek(&key).is_some_and(|(last, at)| *last == text && now.saturating_duration_since(*at) < ECHO)
    }

    /// Whether this is the person's first refusal of that sort within a minute: the one that
    /// is told to somebody.
    pub fn first(&mut self, what: Refused, person: &BareJid, now: Instant) -> bool {
        let minute = Duration::from_secs(60);
        let key = (person.clone(), what);
        if self.refused.get(&key).is_some_and(|at| now.saturating_duration_since(*at) < minute) {
            return false;
        }
        self.refused.put(key, now);
        true
    }

    /// Takes one invitation from the budget of whoever may invite.
    pub fn invitation(&mut self, person: &BareJid, now: Instant) -> bool {
        let (left, at) = self.invitations.get_or_insert_mut(person.clone(), || (INVITATIONS, now));
        let earned = now.saturating_duration_since(*at).as_secs_f64() / 60.0;
        *left = (*left + earned).min(INVITATIONS);
        *at = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }

    fn budget(&mut self, person: &BareJid, now: Instant) -> &mut Budget {
        let fresh = || Budget { left: PER_MINUTE, at: now, bot: false, closed: None };
        self.people.get_or_insert_mut(person.clone(), fresh)
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
            match limits.admit(&bot, now) {
                Verdict::Allowed => answers += 1,
                Verdict::Capped => warnings += 1,
                Verdict::StillCapped => {}
            }
            if tenth % 100 == 0 {
                assert_eq!(limits.admit(&ann, now), Verdict::Allowed);
            }
        }
        assert!((50..=66).contains(&answers), "{answers} answers in ten minutes");
        assert!(warnings <= 66, "{warnings} warnings");
    }

    #[test]
    fn of_a_flood_of_invitations_a_few_are_looked_at_and_others_are_not_touched_by_it() {
        let mut limits = Limits::default();
        let (otto, ann) = (person("otto@example.org"), person("ann@example.org"));
        let begin = Instant::now();
        let looked_at = |limits: &mut Limits, now| (0..2_000).filter(|_| limits.invitation(&otto, now)).count();
        assert_eq!(looked_at(&mut limits, begin), 5);
        assert!(limits.invitation(&ann, begin));
        assert_eq!(looked_at(&mut limits, begin + Duration::from_secs(60)), 1);
        assert_eq!(looked_at(&mut limits, begin + Duration::from_secs(3_600)), 5);
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

    #[test]
    fn whoever_writes_too_much_is_not_read_for_a_minute_and_then_again() {
        let mut limits = Limits::default();
        let (ann, begin) = (person("ann@example.org"), Instant::now());
        let read = (0..100).filter(|_| limits.admit(&ann, begin) == Verdict::Allowed).count();
        assert_eq!(read, 30);
        for second in 1..60 {
            assert_eq!(limits.admit(&ann, begin + Duration::from_secs(second)), Verdict::StillCapped);
        }
        let after = begin + PAUSE;
        let read = (0..100).filter(|_| limits.admit(&ann, after) == Verdict::Allowed).count();
        assert_eq!(read, 30);
        assert_eq!(limits.admit(&ann, after), Verdict::StillCapped, "it was said with the one before");
    }

    #[test]
    fn however_many_people_there_are_only_the_last_are_remembered() {
        let mut limits = Limits::default();
        let now = Instant::now();
        for nth in 0..MAX_PEOPLE.get() + 500 {
            let somebody = person(&format!("p{nth}@example.org"));
            limits.admit(&somebody, now);
            limits.said(&somebody, Some("web1"), "web1 is running.", now);
            limits.first(Refused::Contact, &somebody, now);
        }
        let most = MAX_PEOPLE.get();
        assert_eq!((limits.people.len(), limits.last.len(), limits.refused.len()), (most, most, most));
    }
}
