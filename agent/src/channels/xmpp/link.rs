//! The component link: one connection to an XMPP server, kept up.
//!
//! A task connects, authenticates and stays: it answers unreadable stanzas with
//! errors instead of ending over them, pings when it hears nothing, gives up on
//! a silent connection, and comes back with growing, jittered pauses, trying
//! the configured servers in turn.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures::{Sink, Stream, StreamExt};
use tokio::sync::mpsc::{self, OwnedPermit, error::SendError};
use tokio::time::{Duration, Instant};
use tokio_xmpp::xmlstream::{FallibleStreamElement, ReadError, StreamElementError, XmppStreamElement};
use xmpp_parsers::iq::Iq;
use xmpp_parsers::ping::Ping;
use xmpp_parsers::stanza::Stanza;
use xmpp_parsers::stanza_error::{DefinedCondition, ErrorType};

use super::connect::{self, ComponentStream, Down};
use super::faults;
use super::flat::Flat;
use super::outbox::{Lane, Outbox};
use super::settings::LinkConfig;
use super::wire::{LastByte, Outgoing};

/// Stanzas read but not yet taken; beyond it nothing more is read.
const BACKLOG: usize = 256;
/// Stanzas read in a row before what is written meanwhile goes out.
const READS_PER_TURN: usize = 64;
/// A connection that held this long makes the next pauses short again.
const STABLE: Duration = Duration::from_secs(10);
/// The soonest a ping follows another when it would prove delivery.
const PROOF_EVERY: Duration = Duration::from_secs(2);

/// What the link tells.
#[derive(Debug)]
pub enum Incoming {
    /// Connected and authenticated.
    Up {
        /// The time without a connection, if there was one before.
        resumed_after: Option<Duration>,
        /// The server connected to, as configured.
        server: String,
    },
    /// No connection. Said when one is lost and when the reason changes.
    Down {
        /// Why.
        why: Down,
    },
    /// A stanza, complete and typed.
    Stanza(Box<Stanza>),
}

/// The component link. [`Link::start`] is all there is to it.
pub struct Link {
    config: LinkConfig,
    outbox: Outbox,
    incoming: mpsc::Sender<Incoming>,
    backlog: VecDeque<Incoming>,
    lost_at: Option<Instant>,
}

type Permit = Pin<Box<dyn Future<Output = Result<OwnedPermit<Incoming>, SendError<()>>> + Send>>;

/// What woke the link.
enum Turn {
    Read(Option<Result<Flat, ReadError>>),
    Lost(std::io::Error),
    Tick,
    Finished,
    Abandoned,
}

struct OpenPing {
    id: String,
    sent: Instant,
    mark: u64,
}

impl Link {
    /// Starts the task. It ends after [`Outbox::close`], or when the receiver
    /// is dropped.
    pub fn start(config: LinkConfig) -> (Outbox, mpsc::Receiver<Incoming>) {
        let (incoming, receiver) = mpsc::channel(BACKLOG);
        let outbox = Outbox::new(config.paced_per_second);
        let link = Self { config, outbox: outbox.clone(), incoming, backlog: VecDeque::new(), lost_at: None };
        tokio::spawn(link.run());
        (outbox, receiver)
    }

    /// A link without a task and a socket, for [`in_memory`](super::in_memory).
    pub(super) fn unconnected(config: LinkConfig) -> (Self, Outbox) {
        let (incoming, _) = mpsc::channel(1);
        let outbox = Outbox::new(config.paced_per_second);
        (Self { config, outbox: outbox.clone(), incoming, backlog: VecDeque::new(), lost_at: None }, outbox)
    }

    /// Takes an element in, and gives the stanza that it is; or the reason if it ends the stream.
    pub(super) fn take(&mut self, flat: Flat) -> (Option<Down>, Option<Stanza>) {
        let down = self.received(flat, &mut None);
        let stanza = self.backlog.pop_front().and_then(|incoming| match incoming {
            Incoming::Stanza(stanza) => Some(*stanza),
            _ => None,
        });
        (down, stanza)
    }

    async fn run(mut self) {
        let mut pause = self.config.pause_min;
        let mut said = None;
        let mut server = 0;
        let mut failed_in_round = 0;
        while !self.over() {
            let name = self.config.servers[server % self.config.servers.len()].clone();
            let attempt = connect::open(&self.config, &name);
            let attempt = tokio::time::timeout(self.config.connect_within, attempt);
            let attempt = tokio::select! {
                attempt = attempt => attempt.unwrap_or(Err(Down::Silent)),
                () = self.rest(self.config.connect_within * 2) => break,
            };
            let why = match attempt {
                Ok((stream, last_byte)) => {
                    let begin = Instant::now();
                    said = None;
                    failed_in_round = 0;
                    let why = self.serve(stream, last_byte, name).await;
                    self.outbox.queue().down();
                    // What was read counts, even if the connection is gone.
                    while let Some(read) = self.backlog.pop_front() {
                        if self.incoming.send(read).await.is_err() {
                            break;
                        }
                    }
                    if matches!(why, Down::Stopped) {
                        break;
                    }
                    self.lost_at = Some(Instant::now());
                    if begin.elapsed() >= STABLE {
                        pause = self.config.pause_min;
                    }
                    why
                }
                Err(why) => why,
            };
            server += 1;
            failed_in_round += 1;
            let refused = why.wants_an_operator();
            let reason = why.to_string();
            tracing::warn!(%reason, detail = ?std::error::Error::source(&why), "no XMPP connection");
            if said.as_ref() != Some(&reason) {
                said = Some(reason);
                if self.incoming.send(Incoming::Down { why }).await.is_err() {
                    break;
                }
            }
            if failed_in_round < self.config.servers.len() && !refused {
                continue;
            }
            failed_in_round = 0;
            let base = if refused { self.config.pause_refused } else { pause };
            pause = (pause * 2).min(self.config.pause_max);
            self.rest(base.mul_f64(rand::random_range(0.5..1.0))).await;
        }
        self.outbox.ended();
    }

    fn over(&self) -> bool {
        self.config.servers.is_empty() || self.incoming.is_closed() || self.outbox.queue().is_closing()
    }

    /// Waits, unless the link is to end.
    async fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.over() {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.outbox.changed.notified() => {}
                () = self.incoming.closed() => return,
            }
        }
    }

    /// Serves one connection until it ends.
    async fn serve(&mut self, mut stream: ComponentStream, last_byte: LastByte, server: String) -> Down {
        let resumed_after = self.lost_at.map(|at| at.elapsed());
        self.outbox.queue().up();
        self.backlog.push_back(Incoming::Up { resumed_after, server });
        let mut permit: Permit = Box::pin(self.incoming.clone().reserve_owned());
        let mut ping: Option<OpenPing> = None;
        let mut last_ping = Instant::now();
        let mut dirty = false;
        let mut reads = 0;
        loop {
            let tick = self.next_tick(&last_byte, ping.as_ref(), last_ping);
            let turn = {
                let mut tick = pin!(tokio::time::sleep_until(tick));
                let changed = self.outbox.changed.clone();
                let mut changed = pin!(changed.notified());
                poll_fn(|cx| {
                    self.poll_turn(cx, &mut stream, &mut permit, &mut reads, &mut dirty, |cx| {
                        let woken = changed.as_mut().poll(cx).is_ready();
                        woken || tick.as_mut().poll(cx).is_ready()
                    })
                })
                .await
            };
            match turn {
                Turn::Read(item) => match connect::ended(item) {
                    Ok(Some(flat)) => {
                        if let Some(down) = self.received(flat, &mut ping) {
                            return down;
                        }
                    }
                    Ok(None) => {}
                    Err(down) => return down,
                },
                Turn::Lost(error) => return Down::Io(error),
                Turn::Finished => {
                    let goodbye = async {
                        let _ = stream.shutdown().await;
                        // Closing a socket with something unread in it resets the
                        // connection, and the server loses what it has not read yet:
                        // the goodbyes. So read on until the server has ended it.
                        while connect::ended(stream.next().await).is_ok() {}
                    };
                    let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
                    return Down::Stopped;
                }
                Turn::Abandoned => return Down::Stopped,
                Turn::Tick => {}
            }
            let now = Instant::now();
            if let Some(open) = &ping {
                let heard_since = last_byte.get() > open.sent;
                let reading = self.backlog.len() < BACKLOG;
                if reading && !heard_since && now >= open.sent + self.config.dead_after {
                    return Down::Silent;
                }
                // Something came, but not the answer: not dead, so ask again.
                if heard_since && now >= open.sent + self.config.dead_after {
                    ping = None;
                }
            }
            if ping.is_none() && now >= self.ping_due(&last_byte, last_ping) {
                ping = Some(self.send_ping(now));
                last_ping = now;
            }
        }
    }

    /// Reads if something is there, else writes all that may go and flushes once.
    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut ComponentStream,
        permit: &mut Permit,
        reads: &mut usize,
        dirty: &mut bool,
        mut woken: impl FnMut(&mut Context<'_>) -> bool,
    ) -> Poll<Turn> {
        while !self.backlog.is_empty() {
            match permit.as_mut().poll(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::Abandoned),
                Poll::Ready(Ok(slot)) => {
                    let next = self.backlog.pop_front().expect("checked not to be empty");
                    slot.send(next);
                    *permit = Box::pin(self.incoming.clone().reserve_owned());
                }
            }
        }
        let mut stream = Pin::new(stream);
        if self.backlog.len() < BACKLOG && *reads < READS_PER_TURN {
            *reads += 1;
            if let Poll::Ready(item) = stream.as_mut().poll_next(cx) {
                return Poll::Ready(Turn::Read(item));
            }
        }
        let rest_unread = *reads >= READS_PER_TURN;
        *reads = 0;
        loop {
            match Sink::<&Outgoing<'_>>::poll_ready(stream.as_mut(), cx) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Turn::Lost(error)),
                Poll::Ready(Ok(())) => {}
            }
            let Some(due) = self.outbox.queue().next(Instant::now()) else {
                break;
            };
            let Some(stanza) = due.make() else { continue };
            // A stanza that can't be written as XML (a control character in a
            // name, say) is left out whole; the stream is unharmed.
            match stream.as_mut().start_send(&Outgoing(&stanza)) {
                Ok(()) => *dirty = true,
                Err(error) => tracing::error!(%error, "a stanza could not be written"),
            }
        }
        if *dirty {
            match Sink::<&Outgoing<'_>>::poll_flush(stream.as_mut(), cx) {
                Poll::Pending => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Turn::Lost(error)),
                Poll::Ready(Ok(())) => *dirty = false,
            }
        }
        if !*dirty && self.outbox.queue().finished() {
            return Poll::Ready(Turn::Finished);
        }
        if woken(cx) || rest_unread {
            return Poll::Ready(Turn::Tick);
        }
        Poll::Pending
    }

    /// Takes an element in; gives the reason if it ends the stream.
    fn received(&mut self, flat: Flat, ping: &mut Option<OpenPing>) -> Option<Down> {
        let excessive = flat.is_excessive();
        let (header, element) = flat.parse();
        let why = match element {
            Some(FallibleStreamElement::Ok(XmppStreamElement::Stanza(stanza))) => {
                if !self.is_pong(&stanza, ping) {
                    self.backlog.push_back(Incoming::Stanza(Box::new(stanza)));
                }
                return None;
            }
            Some(FallibleStreamElement::Ok(other)) => return connect::stream_error(other),
            Some(FallibleStreamElement::Err(StreamElementError::InvalidNonza { .. })) => {
                // The only element that is neither stanza nor known and that a
                // server sends on an open stream is an odd stream error.
                return Some(Down::Closed(None));
            }
            None if excessive => faults::error(ErrorType::Modify, DefinedCondition::PolicyViolation),
            _ => faults::error(ErrorType::Modify, DefinedCondition::BadRequest),
        };
        tracing::debug!(name = header.name, from = header.raw.from, excessive, "unreadable stanza");
        if let Some(presence) = faults::salvage(&header.name, &header.raw) {
            self.backlog.push_back(Incoming::Stanza(Box::new(presence.into())));
        } else if let Some(reply) = faults::reply(&header.name, &header.raw, why, &self.config.domain) {
            let _ = self.outbox.send(Lane::Answer, reply);
        }
        None
    }

    fn next_tick(&self, last_byte: &LastByte, ping: Option<&OpenPing>, last_ping: Instant) -> Instant {
        let next = match ping {
            Some(open) => open.sent + self.config.dead_after,
            None => self.ping_due(last_byte, last_ping),
        };
        // Never in the past: a stuck reader or writer would make a busy loop.
        let now = Instant::now();
        let next = next.max(now + Duration::from_millis(50));
        let paced = self.outbox.queue().next_at();
        paced.map_or(next, |at| at.max(now + Duration::from_millis(2)).min(next))
    }

    fn ping_due(&self, last_byte: &LastByte, last_ping: Instant) -> Instant {
        let idle = last_byte.get().max(last_ping) + self.config.ping_every;
        if self.outbox.queue().wants_proof() {
            idle.min(last_ping + PROOF_EVERY.min(self.config.ping_every))
        } else {
            idle
        }
    }

    /// Pings ourselves through the server: that needs no knowledge of its
    /// name, and coming back proves that all sent before was handled.
    fn send_ping(&self, now: Instant) -> OpenPing {
        let id = format!("alive-{:016x}", rand::random::<u64>());
        let iq = Iq::from_get(id.clone(), Ping)
            .with_from(self.config.domain.clone().into())
            .with_to(self.config.domain.clone().into());
        let mark = self.outbox.queue().mark();
        let _ = self.outbox.send(Lane::Answer, iq);
        OpenPing { id, sent: now, mark }
    }

    /// Whether a stanza is our ping come back, or an answer to it.
    fn is_pong(&self, stanza: &Stanza, ping: &mut Option<OpenPing>) -> bool {
        let Stanza::Iq(iq) = stanza else { return false };
        let ours = iq.from().is_some_and(|from| *from == self.config.domain);
        if !ours || ping.as_ref().is_none_or(|open| open.id != iq.id()) {
            return false;
        }
        if let Some(open) = ping.take() {
            self.outbox.queue().proven(open.mark);
        }
        true
    }
}
