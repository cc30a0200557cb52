//! The XMPP side over bytes in memory: everything but the socket and the task, so that property tests and fuzz targets can
//! say whatever a server might say, and see what comes of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Sink as _, SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant};
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts, XmlStream, initiate_stream};
use xmpp_parsers::jid::BareJid;
use xmpp_parsers::ns;

use super::connect::{self, Down};
use super::contacts::Roster;
use super::core::Core;
use super::entities::{Access, Directory};
use super::event::Event;
use super::flat::Flat;
use super::link::Link;
use super::outbox::{Lane, Outbox};
use super::rooms::Join;
use super::rooms::trust::{Domains, Trust};
use super::settings::{LinkConfig, Secret};
use super::wire::{HeaderFix, LastByte, Outgoing};

/// Longer than any of this takes.
const NEVER: Duration = Duration::from_secs(3_600);

/// What came of bytes that were read.
pub struct Taken {
    /// Stanzas that were read.
    pub stanzas: usize,
    /// What the agent was told.
    pub events: Vec<Event>,
    /// What was sent: the inside of a stream in the component's namespace.
    pub sent: String,
}

/// The XMPP side of a component.
pub struct InMemory {
    link: Link,
    outbox: Outbox,
    core: Core,
    runtime: tokio::runtime::Runtime,
    now: Instant,
}

impl InMemory {
    /// Of that domain, with those rooms believed; the rest as for [`Service`](super::service::Service).
    ///
    /// # Errors
    /// When there can be no runtime.
    pub fn new(
        domain: BareJid,
        domains: Domains,
        directory: Arc<dyn Directory>,
        access: Arc<dyn Access>,
        roster: Arc<dyn Roster>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let config = LinkConfig::new(Vec::new(), domain.clone(), Secret::new("secret"));
        let (link, outbox) = Link::unconnected(config);
        let core = Core::new(domain, Vec::new(), outbox.clone(), Trust::new(domains), directory, access, roster);
        Ok(Self { link, outbox, core, runtime, now: Instant::now() })
    }

    /// An entity is to be in a room.
    pub fn join(&mut self, join: Join) {
        if let Some(presence) = self.core.rooms.join(join, self.now) {
            // Without a connection it is entered when there is one.
            let _ = self.outbox.send(Lane::Answer, presence);
        }
    }

    /// Time passes.
    pub fn pass(&mut self, span: Duration) {
        self.now += span;
        self.core.on_tick(self.now);
    }

    /// One connection to a server that says these bytes after its stream header, so many at a time, and then nothing more.
    pub fn read(&mut self, bytes: &[u8], step: usize) -> Taken {
        let said = format!("<stream:stream xmlns='{}' xmlns:stream='{}' id='x'>", ns::COMPONENT, ns::STREAM);
        let header = said.len();
        let mut said = said.into_bytes();
        said.extend_from_slice(bytes);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let wire = Wire { said, at: 0, header, step: step.max(1), sent: Arc::clone(&sent) };
        let mut stanzas = 0;
        let handle = self.runtime.handle().clone();
        let _within = handle.enter();
        let begun = handle.block_on(begin(wire));
        if let Ok(mut stream) = begun {
            lock(&sent).clear();
            self.outbox.queue().up();
            self.core.on_up("memory".to_owned(), self.now);
            self.write(&handle, &mut stream);
            while let Ok(read) = connect::ended(handle.block_on(stream.next())) {
                let Some(flat) = read else { continue };
                let (down, stanza) = self.link.take(flat);
                if let Some(stanza) = stanza {
                    stanzas += 1;
                    self.core.on_stanza(stanza, self.now);
                }
                self.write(&handle, &mut stream);
                if down.is_some() {
                    break;
                }
            }
            self.outbox.queue().down();
            self.core.on_down("the bytes ended".to_owned());
        }
        let sent = String::from_utf8_lossy(&lock(&sent)).into_owned();
        Taken { stanzas, events: self.core.take_events(), sent }
    }

    /// Writes all that waits, as the link does, without its pace.
    fn write(&mut self, handle: &tokio::runtime::Handle, stream: &mut XmlStream<HeaderFix<Wire>, Flat>) {
        loop {
            self.now += Duration::from_millis(1);
            let due = self.outbox.queue().next(self.now);
            let Some(due) = due else {
                if self.outbox.waiting() == (0, 0) {
                    break;
                }
                continue;
            };
            let Some(stanza) = due.make() else { continue };
            // One that can't be written is left out; the stream is unharmed.
            let _ = Pin::new(&mut *stream).start_send(&Outgoing(&stanza));
        }
        let _ = handle.block_on(SinkExt::<&Outgoing<'_>>::flush(stream));
    }
}

async fn begin(wire: Wire) -> Result<XmlStream<HeaderFix<Wire>, Flat>, Down> {
    let header = StreamHeader { to: None, from: None, id: None };
    let timeouts = Timeouts { read_timeout: NEVER, response_timeout: NEVER };
    let io = HeaderFix::new(wire, LastByte::now());
    Ok(initiate_stream(io, ns::COMPONENT, header, timeouts).await?.skip_features())
}

fn lock(sent: &Mutex<Vec<u8>>) -> parking_lot::MutexGuard<'_, Vec<u8>> {
    sent.lock()
}

/// A connection in memory.
struct Wire {
    said: Vec<u8>,
    at: usize,
    /// Length of the stream header, which comes at once.
    header: usize,
    step: usize,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let step = if self.at < self.header { self.header } else { self.step };
        let end = self.said.len().min(self.at + step.min(buf.remaining()));
        buf.put_slice(&self.said[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.sent).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
