//! Who is greeted when they begin to see entities: each at first, all the others at once.
//!
//! A client that logs in for the first time may add two thousand machines within seconds. The first greets; the rest of the
//! burst is waited for and told in one sentence.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jid::BareJid;

/// A burst is over when nothing came for so long …
const SETTLED: Duration = Duration::from_secs(2);
/// … and is told of after so long in any case, that often at most.
const LONGEST: Duration = Duration::from_secs(10);

/// An entity's localpart; `None` is the front desk.
type Entity = Option<String>;

/// A greeting whose time has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Greeting {
    /// From that entity.
    One(Entity),
    /// From the front desk, for so many.
    Many(usize),
}

/// People who were greeted a moment ago.
#[derive(Default)]
pub struct Greetings {
    people: HashMap<BareJid, Burst>,
}

struct Burst {
    greeted: Instant,
    latest: Instant,
    first: Option<(Entity, Instant)>,
    waiting: usize,
}

impl Greetings {
    /// Somebody sees an entity now; whether it greets them at once.
    pub fn sees(&mut self, person: &BareJid, entity: Option<&str>, now: Instant) -> bool {
        let Some(burst) = self.people.get_mut(person) else {
            self.people.insert(person.clone(), Burst { greeted: now, latest: now, first: None, waiting: 0 });
            return true;
        };
        burst.latest = now;
        burst.waiting += 1;
        burst.first.get_or_insert_with(|| (entity.map(str::to_owned), now));
        false
    }

    /// What is to be said now. To be asked every second or so.
    pub fn due(&mut self, now: Instant) -> Vec<(BareJid, Greeting)> {
        let mut due = Vec::new();
        for (person, burst) in &mut self.people {
            let Some((_, since)) = &burst.first else { continue };
            if now < burst.latest + SETTLED && now < *since + LONGEST {
                continue;
            }
            if let Some((entity, _)) = burst.first.take() {
                let waiting = std::mem::take(&mut burst.waiting);
                let greeting = if waiting == 1 { Greeting::One(entity) } else { Greeting::Many(waiting) };
                due.push((person.clone(), greeting));
                burst.greeted = now;
            }
        }
        self.people.retain(|_, burst| burst.first.is_some() || now < burst.greeted + LONGEST);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_machines_at_a_first_log_in_make_two_greetings() {
        let mut greetings = Greetings::default();
        let (ann, bob) = (BareJid::new("ann@example.org").unwrap(), BareJid::new("bob@example.org").unwrap());
        let begin = Instant::now();
        let (mut at_once, mut said) = (0, Vec::new());
        for number in 0..2_000u64 {
            let now = begin + Duration::from_millis(number);
            at_once += usize::from(greetings.sees(&ann, Some(&format!("web{number}")), now));
            said.extend(greetings.due(now));
        }
        assert!(greetings.sees(&bob, None, begin), "others are greeted beside it");
        said.extend(greetings.due(begin + Duration::from_secs(5)));
        assert_eq!((at_once, said), (1, vec![(ann.clone(), Greeting::Many(1_999))]));
        // All is forgotten in the end.
        assert!(greetings.due(begin + Duration::from_secs(60)).is_empty() && greetings.people.is_empty());
        assert!(greetings.sees(&ann, Some("web1"), begin + Duration::from_secs(61)));
    }

    #[test]
    fn a_second_machine_greets_by_itself_and_whoever_comes_and_goes_is_greeted_seldom() {
        let mut greetings = Greetings::default();
        let ann = BareJid::new("ann@example.org").unwrap();
        let begin = Instant::now();
        assert!(greetings.sees(&ann, Some("web1"), begin));
        assert!(!greetings.sees(&ann, None, begin));
        assert!(greetings.due(begin + Duration::from_secs(1)).is_empty());
        assert_eq!(greetings.due(begin + SETTLED), [(ann.clone(), Greeting::One(None))]);
        let mut said = 0;
        for second in 3..603 {
            let now = begin + Duration::from_secs(second);
            said += usize::from(greetings.sees(&ann, Some("web1"), now)) + greetings.due(now).len();
        }
        assert!(said <= 60, "{said} greetings in ten minutes");
    }
}
