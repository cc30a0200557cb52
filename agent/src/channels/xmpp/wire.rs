//! The bytes under a component stream: what servers send is made fit for the
//! XML reader, what we send is put into the component's namespace.
//!
//! [`HeaderFix`] wraps the socket: what is read goes through the
//! `filter`. It also keeps the time of the last byte, by which
//! silence is told from a slow stanza.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use minidom::rxml::Namespace;
use parking_lot::Mutex;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use xmpp_parsers::ns;
use xmpp_parsers::stanza::Stanza;
use xso::error::Error;
use xso::{AsXml, Item};

use super::filter::Filter;

/// When the last byte arrived; shared between the socket and the link.
#[derive(Clone)]
pub struct LastByte(Arc<Mutex<Instant>>);

impl LastByte {
    /// Counts from now.
    pub fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// The time of the last byte received.
    pub fn get(&self) -> Instant {
        *self.0.lock()
    }

    fn set(&self) {
        *self.0.lock() = Instant::now();
    }
}

/// A socket whose incoming bytes are made fit for the XML reader.
pub struct HeaderFix<Io> {
    io: Io,
    raw: Vec<u8>,
    clean: Vec<u8>,
    taken: usize,
    filter: Filter,
    last_byte: LastByte,
}

impl<Io> HeaderFix<Io> {
    /// Wraps a socket.
    pub fn new(io: Io, last_byte: LastByte) -> Self {
        Self { io, raw: vec![0; 16 * 1024], clean: Vec::new(), taken: 0, filter: Filter::default(), last_byte }
    }
}

impl<Io: AsyncRead + Unpin> AsyncBufRead for HeaderFix<Io> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.taken >= this.clean.len() {
            let mut buf = ReadBuf::new(&mut this.raw);
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut buf))?;
            let read = buf.filled();
            if read.is_empty() {
                return Poll::Ready(Ok(&[]));
            }
            this.last_byte.set();
            this.clean.clear();
            this.taken = 0;
            this.filter.feed(read, &mut this.clean);
        }
        Poll::Ready(Ok(&this.clean[this.taken..]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().taken += amount;
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for HeaderFix<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = filled.len().min(buf.remaining());
        buf.put_slice(&filled[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for HeaderFix<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// A stanza on its way out, in the component's namespace.
pub struct Outgoing<'s>(pub &'s Stanza);

impl AsXml for Outgoing<'_> {
    type ItemIter<'x>
        = OutgoingItems<'x>
    where
        Self: 'x;

    fn as_xml_iter(&self) -> Result<Self::ItemIter<'_>, Error> {
        Ok(OutgoingItems(self.0.as_xml_dyn_iter()?))
    }
}

/// The items of an [`Outgoing`] stanza.
pub struct OutgoingItems<'x>(Box<dyn Iterator<Item = Result<Item<'x>, Error>> + 'x>);

impl<'x> Iterator for OutgoingItems<'x> {
    type Item = Result<Item<'x>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.0.next()? {
            Ok(Item::ElementHeadStart(space, name)) if space.as_str() == ns::DEFAULT_NS => {
                Ok(Item::ElementHeadStart(Namespace::from(ns::COMPONENT), Cow::clone(&name)))
            }
            other => other,
        })
    }
}
