//! When news is told: the first at once, a storm in one line.
//!
//! What happens to a machine that was quiet is told at once. What follows within two seconds waits until the machine is quiet
//! again, and is then one line ("paused and resumed 30 times in 10 s"); of a storm that goes on there is a line from time to
//! time, and then seldom. When machines of one host get news by the dozen, the first few are told at once and the rest
//! of that burst in one line. Pure: times are passed in, [`Settle::due`] is asked every second.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Burst, News};
use crate::host::MachineId;

/// Quiet for so long, and the next news is told at once.
const QUIET: Duration = Duration::from_secs(2);
/// The longest that news waits.
const MOST: Duration = Duration::from_secs(10);
/// The same for one that never comes to rest.
const QUIET_RESTLESS: Duration = Duration::from_secs(20);
const MOST_RESTLESS: Duration = Duration::from_secs(120);
/// So many lines about it within [`RESTLESS_WITHIN`] make a machine, or a host, restless until it was quiet for as long.
const RESTLESS_MACHINE: usize = 6;
const RESTLESS_HOST: usize = 20;
const RESTLESS_WITHIN: Duration = Duration::from_secs(60);
/// So many machines of a host are news at once; beyond, it is a burst.
const AT_ONCE: usize = 4;
/// Nothing is remembered of what has been quiet for so long.
const FORGET: Duration = Duration::from_secs(300);

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// One thing.
    One(News),
    /// Several things that happened to one machine (or host), in order, within that time.
    Storm(Vec<News>, Duration),
    /// Many things on one host.
    Burst(Burst),
}

/// What waits, of machines and of hosts.
#[derive(Debug, Default)]
pub struct Settle {
    machines: HashMap<(String, Option<MachineId>), Pile>,
    hosts: HashMap<String, Pile>,
}

/// News of one machine, or of all machines of one host.
#[derive(Debug)]
struct Pile {
    /// Told already, in this storm.
    told: Vec<News>,
    waiting: Vec<News>,
    /// Of the newest, and of the oldest that waits.
    last: Option<Duration>,
    since: Duration,
    /// When there were lines about it lately, and how many are too many.
    lines: VecDeque<Duration>,
    most: usize,
    restless: bool,
}

impl Pile {
    fn new(most: usize) -> Self {
        Self {
            told: Vec::new(),
            waiting: Vec::new(),
            last: None,
            since: Duration::ZERO,
            lines: VecDeque::new(),
            most,
            restless: false,
        }
    }

    fn is_restless(&mut self, now: Duration) -> bool {
        if self.last.is_none_or(|last| now.saturating_sub(last) > RESTLESS_WITHIN) {
            self.restless = false;
            self.lines.clear();
        }
        while self.lines.front().is_some_and(|at| now.saturating_sub(*at) > RESTLESS_WITHIN) {
            self.lines.pop_front();
        }
        self.restless |= self.lines.len() >= self.most;
        self.restless
    }

    fn is_quiet(&mut self, now: Duration) -> bool {
        let quiet = if self.is_restless(now) { QUIET_RESTLESS } else { QUIET };
        self.last.is_none_or(|last| now.saturating_sub(last) >= quiet)
    }

    fn wait(&mut self, news: News, at: Duration) {
        if self.waiting.is_empty() {
            self.since = at;
        }
        self.last = self.last.max(Some(at));
        self.waiting.push(news);
    }

    fn tell(&mut self, news: News, at: Duration) -> News {
        self.lines.push_back(at);
        self.last = self.last.max(Some(at));
        self.told.push(news.clone());
        news
    }

    fn is_due(&mut self, now: Duration) -> bool {
        let most = if self.is_restless(now) { MOST_RESTLESS } else { MOST };
        !self.waiting.is_empty() && (self.is_quiet(now) || now.saturating_sub(self.since) >= most)
    }

    /// Everything since the storm began, also what was told of it, and how long it has lasted.
    fn storm(&mut self) -> (Vec<News>, Duration) {
        let mut news = std::mem::take(&mut self.told);
        news.append(&mut self.waiting);
        let times = || news.iter().map(|news| news.event.steady);
        let over = times().max().unwrap_or_default().saturating_sub(times().min().unwrap_or_default());
        (news, over)
    }
}

impl Settle {
    /// News: given back when it is to be told at once, else kept.
    pub fn take(&mut self, news: News) -> Option<News> {
        let at = news.event.steady;
        let (hypervisor, machine) =
            (news.event.hypervisor.clone(), news.event.machine.as_ref().map(|(id, _)| id.clone()));
        let key = (hypervisor.clone(), machine.clone());
        let own = self.machines.entry(key).or_insert_with(|| Pile::new(RESTLESS_MACHINE));
        let quiet = own.is_quiet(at);
        // A host that is lost and back is two lines; one that comes and goes is a storm.
        let enough = if machine.is_some() { 1 } else { AT_ONCE };
        if !own.waiting.is_empty() || (!quiet && (own.told.is_empty() || own.told.len() >= enough)) {
            own.wait(news, at);
            return None;
        }
        if quiet {
            own.told.clear();
        }
        let news = own.tell(news, at);
        if machine.is_none() {
            return Some(news);
        }
        let host = self.hosts.entry(hypervisor).or_insert_with(|| Pile::new(RESTLESS_HOST));
        let quiet = host.is_quiet(at);
        if quiet && host.waiting.is_empty() {
            host.told.clear();
        }
        if !host.waiting.is_empty() || host.told.len() >= AT_ONCE || (host.is_restless(at) && !quiet) {
            host.wait(news, at);
            return None;
        }
        Some(host.tell(news, at))
    }

    /// What is to be told now. Asked every second.
    pub fn due(&mut self, now: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut settled: HashMap<String, Vec<(Option<MachineId>, usize)>> = HashMap::new();
        for ((hypervisor, machine), pile) in &mut self.machines {
            if pile.is_due(now) {
                settled.entry(hypervisor.clone()).or_default().push((machine.clone(), pile.waiting.len()));
            }
        }
        for (hypervisor, mut machines) in settled {
            machines.sort();
            let crowd =
                machines.len() >= AT_ONCE || self.hosts.get(&hypervisor).is_some_and(|host| !host.waiting.is_empty());
            for (machine, waiting) in machines {
                let Some(pile) = self.machines.get_mut(&(hypervisor.clone(), machine.clone())) else { continue };
                if crowd && machine.is_some() {
                    let host = self.hosts.entry(hypervisor.clone()).or_insert_with(|| Pile::new(RESTLESS_HOST));
                    let moved = std::mem::take(&mut pile.waiting);
                    pile.told.clear();
                    for news in moved {
                        let at = news.event.steady;
                        host.wait(news, at);
                    }
                } else if waiting == 1 {
                    let news = pile.waiting.remove(0);
                    let at = news.event.steady;
                    lines.push(Line::One(pile.tell(news, at)));
                } else {
                    let (news, over) = pile.storm();
                    pile.lines.push_back(now);
                    lines.push(Line::Storm(news, over));
                }
            }
        }
        let mut hosts: Vec<_> =
            self.hosts.iter_mut().filter_map(|(name, pile)| pile.is_due(now).then_some((name, pile))).collect();
        hosts.sort_by(|one, other| one.0.cmp(other.0));
        for (hypervisor, pile) in hosts {
            pile.lines.push_back(now);
            if let [only] = pile.waiting.as_slice() {
                lines.push(Line::One(only.clone()));
                pile.waiting.clear();
                continue;
            }
            let (mut news, over) = pile.storm();
            news.sort_by_key(|news| news.event.steady);
            lines.push(Line::Burst(Burst { hypervisor: hypervisor.clone(), news, over }));
        }
        let stale =
            |pile: &Pile| pile.waiting.is_empty() && pile.last.is_none_or(|last| now.saturating_sub(last) > FORGET);
        self.machines.retain(|_, pile| !stale(pile));
        self.hosts.retain(|_, pile| !stale(pile));
        lines
    }
}

#[cfg(test)]
mod tests;
