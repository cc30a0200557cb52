//! The queue in front of the link: answers before bursts of presence, what
//! matters kept while the server is away.
//!
//! Nothing here waits. A stanza is accepted, or the caller is told at once that
//! there is no connection or no room. XEP-0114 has no acknowledgements
//! (XEP-0198 is for clients and servers), but a stream is ordered: an answered
//! ping proves that the server handled all that went before. Important
//! stanzas are kept until so proven and sent again if the link is lost first.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};
use xmpp_parsers::stanza::Stanza;

/// Answers waiting for the socket.
const MAX_ANSWERS: usize = 8_192;
/// Other stanzas waiting for their turn: 2,000 machines shown to 100 people.
const MAX_LATER: usize = 200_000;
/// Important stanzas kept while there is no connection.
const MAX_KEPT: usize = 1_000;
/// Paced stanzas that may go out back to back.
const BURST: f64 = 50.0;

/// How a stanza is treated that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// At once; lost if the connection is.
    Answer,
    /// At once; kept while there is no connection and sent again if it was lost.
    Important,
    /// At once, and its id is told when it is proven to have arrived. Lost if
    /// the connection is: whoever tracks it sends it again.
    Tracked,
}

/// When a stanza goes that nobody waits for. Lost if the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// After all answers, as fast as the server takes it.
    Soon,
    /// Evenly, after everything else.
    Even,
}

/// Why a stanza was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// There is no connection, and the stanza is not important.
    #[error("not connected to the XMPP server")]
    Down,
    /// Too much is waiting already.
    #[error("too many stanzas are waiting to be sent")]
    Full,
}

/// A stanza made when its turn comes: small while it waits, and true when it is
/// sent. `None` if there is nothing to send any more.
pub type Later = Box<dyn FnOnce() -> Option<Stanza> + Send>;

/// A stanza whose turn has come.
pub(super) enum Due {
    /// As it was queued.
    Made(Box<Stanza>),
    /// To be made now.
    Unmade(Later),
}

impl Due {
    /// The stanza, if there still is one. Not to be called with the queue
    /// locked: making one may take a moment.
    pub(super) fn make(self) -> Option<Stanza> {
        match self {
            Self::Made(stanza) => Some(*stanza),
            Self::Unmade(make) => make(),
        }
    }
}

/// Sends stanzas over the link. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    queue: Arc<Mutex<Queue>>,
    pub(super) changed: Arc<Notify>,
    drained: Arc<Notify>,
}

impl Outbox {
    /// An empty outbox sending `per_second` paced stanzas, without a connection.
    pub fn new(per_second: f64) -> Self {
        Self {
            queue: Arc::new(Mutex::new(Queue::new(per_second))),
            changed: Arc::new(Notify::new()),
            drained: Arc::new(Notify::new()),
        }
    }

    /// Queues a stanza. Never waits.
    pub fn send(&self, lane: Lane, stanza: impl Into<Stanza>) -> Result<(), Unsent> {
        let accepted = self.queue().push(lane, stanza.into());
        self.changed.notify_one();
        accepted
    }

    /// Queues a stanza that is made when its turn comes. Never waits.
    pub fn send_later(&self, pace: Pace, make: Later) -> Result<(), Unsent> {
        let accepted = self.queue().push_later(pace, make);
        self.changed.notify_one();
        accepted
    }

    /// Lets everything that is queued go out without pacing, then ends the
    /// link with a stream footer. Gives up after `within`.
    pub async fn close(&self, within: Duration) {
        self.queue().closing = true;
        self.changed.notify_one();
        let _ = tokio::time::timeout(within, self.drained.notified()).await;
    }

    /// Stanzas waiting: (answers, all others).
    pub fn waiting(&self) -> (usize, usize) {
        let queue = self.queue();
        (queue.answers.len(), queue.soon.len() + queue.paced.len())
    }

    /// Which connection this is, counted; 0 before the first.
    pub(super) fn connection(&self) -> u64 {
        self.queue().ups
    }

    /// Ids of tracked messages that arrived since the last call.
    pub(super) fn take_arrived(&self) -> Vec<String> {
        std::mem::take(&mut self.queue().arrived)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    pub(super) fn ended(&self) {
        self.drained.notify_one();
    }
}

/// The state behind an [`Outbox`].
pub(super) struct Queue {
    answers: VecDeque<(Stanza, Lane)>,
    soon: VecDeque<Later>,
    paced: VecDeque<Later>,
    /// Important stanzas written but not yet proven to have arrived.
    unproven: VecDeque<(u64, Stanza)>,
    /// Ids of tracked ones, likewise.
    underway: VecDeque<(u64, String)>,
    arrived: Vec<String>,
    written: u64,
    rate: f64,
    tokens: f64,
    refilled: Instant,
    up: bool,
    /// How many connections there were.
    ups: u64,
    closing: bool,
}

impl Queue {
    fn new(rate: f64) -> Self {
        Self {
            answers: VecDeque::new(),
            soon: VecDeque::new(),
            paced: VecDeque::new(),
            unproven: VecDeque::new(),
            underway: VecDeque::new(),
            arrived: Vec::new(),
            written: 0,
            rate,
            tokens: BURST,
            refilled: Instant::now(),
            up: false,
            ups: 0,
            closing: false,
        }
    }

    fn push(&mut self, lane: Lane, stanza: Stanza) -> Result<(), Unsent> {
        match lane {
            Lane::Important if !self.up => {
                if self.answers.len() >= MAX_KEPT {
                    // The newest news is worth most.
                    self.answers.pop_front();
                }
                self.answers.push_back((stanza, lane));
                Ok(())
            }
            _ if !self.up => Err(Unsent::Down),
            _ if self.answers.len() >= MAX_ANSWERS => Err(Unsent::Full),
            lane => {
                self.answers.push_back((stanza, lane));
                Ok(())
            }
        }
    }

    fn push_later(&mut self, pace: Pace, make: Later) -> Result<(), Unsent> {
        let queue = match pace {
            Pace::Soon => &mut self.soon,
            Pace::Even => &mut self.paced,
        };
        if !self.up {
            return Err(Unsent::Down);
        }
        if queue.len() >= MAX_LATER {
            return Err(Unsent::Full);
        }
        queue.push_back(make);
        Ok(())
    }

    /// The next stanza to write, if one may go now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Due> {
        if let Some((stanza, lane)) = self.answers.pop_front() {
            if lane != Lane::Answer {
                self.written += 1;
            }
            match (lane, &stanza) {
                (Lane::Important, _) => {
                    if self.unproven.len() >= MAX_KEPT {
                        self.unproven.pop_front();
                    }
                    self.unproven.push_back((self.written, copy(&stanza)));
                }
                (Lane::Tracked, Stanza::Message(message)) => {
                    self.underway.extend(message.id.clone().map(|id| (self.written, id.0)));
                }
                _ => {}
            }
            return Some(Due::Made(Box::new(stanza)));
        }
        if let Some(make) = self.soon.pop_front() {
            return Some(Due::Unmade(make));
        }
        if self.paced.is_empty() {
            return None;
        }
        if !self.closing {
            let earned = now.saturating_duration_since(self.refilled).as_secs_f64() * self.rate;
            self.tokens = (self.tokens + earned).min(BURST);
            self.refilled = now;
            if self.tokens < 1.0 {
                return None;
            }
            self.tokens -= 1.0;
        }
        self.paced.pop_front().map(Due::Unmade)
    }

    /// When a paced stanza may go, if one is waiting.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let missing = (1.0 - self.tokens).max(0.0) / self.rate;
        (!self.paced.is_empty()).then(|| self.refilled + Duration::from_secs_f64(missing))
    }

    /// Whether the link is to end now: all is written and an end was asked for.
    pub(super) fn finished(&self) -> bool {
        self.closing && self.answers.is_empty() && self.soon.is_empty() && self.paced.is_empty()
    }

    /// Whether an end was asked for.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether a ping would prove anything.
    pub(super) fn wants_proof(&self) -> bool {
        !self.unproven.is_empty() || !self.underway.is_empty()
    }

    /// A mark to be proven by the ping that is written next.
    pub(super) fn mark(&self) -> u64 {
        self.written
    }

    /// The ping written after `mark` was answered.
    pub(super) fn proven(&mut self, mark: u64) {
        while self.unproven.front().is_some_and(|(seq, _)| *seq <= mark) {
            self.unproven.pop_front();
        }
        let proven = self.underway.iter().take_while(|(seq, _)| *seq <= mark).count();
        self.arrived.extend(self.underway.drain(..proven).map(|(_, id)| id));
    }

    /// The connection is there.
    pub(super) fn up(&mut self) {
        self.up = true;
        self.ups += 1;
    }

    /// The connection is lost: what matters is put back in front, the rest goes.
    pub(super) fn down(&mut self) {
        self.up = false;
        self.soon.clear();
        self.paced.clear();
        self.underway.clear();
        self.answers.retain(|(_, lane)| *lane == Lane::Important);
        while let Some((_, stanza)) = self.unproven.pop_back() {
            self.answers.push_front((stanza, Lane::Important));
        }
        while self.answers.len() > MAX_KEPT {
            self.answers.pop_front();
        }
    }
}

fn copy(stanza: &Stanza) -> Stanza {
    match stanza {
        Stanza::Iq(iq) => Stanza::Iq(iq.clone()),
        Stanza::Message(message) => Stanza::Message(message.clone()),
        Stanza::Presence(presence) => Stanza::Presence(presence.clone()),
    }
}

#[cfg(test)]
mod tests {
    use xmpp_parsers::message::{Lang, Message};
    use xmpp_parsers::presence::Presence;

    use super::*;

    fn said(body: &str) -> Stanza {
        Message::chat(None).with_body(Lang::new(), body.to_owned()).into()
    }

    fn body(due: Option<Due>) -> String {
        match due.and_then(Due::make) {
            Some(Stanza::Message(message)) => message.bodies[""].clone(),
            Some(_) => "presence".to_owned(),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn an_answer_overtakes_a_burst_and_the_burst_is_paced() {
        let mut queue = Queue::new(500.0);
        queue.up();
        for _ in 0..2_000 {
            let make = Box::new(|| Some(Presence::available().into()));
            queue.push_later(Pace::Even, make).unwrap();
        }
        queue.push(Lane::Answer, said("pong")).unwrap();
        let begin = Instant::now();
        let mut now = begin;
        assert_eq!(body(queue.next(now)), "pong");
        let mut sent = 0;
        while sent < 2_000 {
            match queue.next(now) {
                Some(_) => sent += 1,
                None => now += Duration::from_millis(10),
            }
        }
        let took = (now - begin).as_secs_f64();
        assert!((3.8..4.1).contains(&took), "2,000 at 500/s took {took} s");
    }

    #[test]
    fn only_what_matters_survives_a_lost_connection_and_is_sent_once() {
        let mut queue = Queue::new(500.0);
        assert_eq!(queue.push(Lane::Answer, said("lost")), Err(Unsent::Down));
        queue.push(Lane::Important, said("kept")).unwrap();
        queue.up();
        let now = Instant::now();
        assert_eq!(body(queue.next(now)), "kept");
        queue.push(Lane::Important, said("unproven")).unwrap();
        let mark = queue.mark();
        assert_eq!(body(queue.next(now)), "unproven");
        queue.push(Lane::Important, said("unwritten")).unwrap();
        queue.push(Lane::Answer, said("stale answer")).unwrap();
        queue.proven(mark);
        queue.down();
        queue.up();
        assert_eq!(body(queue.next(now)), "unproven");
        assert_eq!(body(queue.next(now)), "unwritten");
        assert_eq!(body(queue.next(now)), "nothing");
    }

    #[test]
    fn what_is_tracked_has_arrived_when_it_is_proven_and_not_when_the_connection_is_lost() {
        let tracked = |id: &str| {
            let mut stanza = said(id);
            if let Stanza::Message(message) = &mut stanza {
                message.id = Some(xmpp_parsers::message::Id(id.to_owned()));
            }
            stanza
        };
        let mut queue = Queue::new(500.0);
        queue.up();
        let now = Instant::now();
        queue.push(Lane::Tracked, tracked("one")).unwrap();
        assert!(!queue.wants_proof(), "it is not written yet");
        assert_eq!(body(queue.next(now)), "one");
        let mark = queue.mark();
        queue.push(Lane::Tracked, tracked("two")).unwrap();
        assert_eq!(body(queue.next(now)), "two");
        assert!(queue.wants_proof());
        queue.proven(mark);
        queue.down();
        queue.up();
        assert_eq!(body(queue.next(now)), "nothing", "it is not for the queue to send it again");
        assert_eq!(queue.arrived, ["one"]);
        assert!(!queue.wants_proof());
    }
}
