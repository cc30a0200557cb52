//! The bytes under a component stream: what servers send is made fit for the
//! XML reader, what we send is put into the component's namespace.
//!
//! [`HeaderFix`] wraps the socket. XEP-0114 servers leave `version` out of their
//! stream header, which the XML stream layer insists on, so it is added. An
//! attribute of more than 8 KiB is a fatal error to the XML reader, and anybody
//! may send one; such values and names are cut and marked, so that one stanza is
//! refused instead of the connection being lost. The wrapper also keeps the
//! time of the last byte, by which silence is told from a slow stanza.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use minidom::rxml::Namespace;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use xmpp_parsers::ns;
use xmpp_parsers::stanza::Stanza;
use xso::error::Error;
use xso::{AsXml, Item};

use super::flat::CUT;

/// Bytes of one attribute value or name beyond which it is cut.
const MAX_TOKEN: usize = 7 * 1024;

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
        *self.0.lock().expect("nothing panics while holding it")
    }

    fn set(&self) {
        *self.0.lock().expect("nothing panics while holding it") = Instant::now();
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
        Self {
            io,
            raw: vec![0; 16 * 1024],
            clean: Vec::new(),
            taken: 0,
            filter: Filter::default(),
            last_byte,
        }
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
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = filled.len().min(buf.remaining());
        buf.put_slice(&filled[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for HeaderFix<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// Follows tags and quotes byte by byte. XMPP forbids comments, processing
/// instructions, and CDATA survives no server's re-serialisation, so `<`, `>` and
/// quotes are all there is.
#[derive(Default)]
struct Filter {
    place: Place,
    /// Length of the value or name being read.
    len: usize,
    /// Inside `&…;`, which must not be cut in two.
    reference: bool,
    cutting: bool,
    /// The first start tag is the stream header; `None` once it is done.
    header: HeaderState,
    /// Distinguishes cut attribute names, which must differ within a tag.
    cuts: u32,
    element_name: bool,
}

#[derive(Default, PartialEq)]
enum Place {
    #[default]
    Text,
    Tag,
    Quoted(u8),
}

#[derive(Default)]
enum HeaderState {
    #[default]
    Before,
    Inside(Vec<u8>),
    Done,
}

impl Filter {
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + 16);
        for &byte in input {
            match self.place {
                Place::Text => self.text(byte, out),
                Place::Tag => self.tag(byte, out),
                Place::Quoted(quote) => self.quoted(byte, quote, out),
            }
        }
    }

    fn text(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte == b'<' {
            self.place = Place::Tag;
            self.len = 0;
            self.cutting = false;
            self.element_name = true;
            if let HeaderState::Before = self.header {
                self.header = HeaderState::Inside(Vec::new());
            }
        }
        out.push(byte);
    }

    fn tag(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let HeaderState::Inside(seen) = &mut self.header {
            if byte == b'>' {
                // `<?xml … ?>` comes first with some servers.
                let declaration = seen.first() == Some(&b'?');
                if !declaration && !has_version(seen) {
                    out.extend_from_slice(b" version='1.0'");
                }
                self.header = if declaration { HeaderState::Before } else { HeaderState::Done };
            } else if seen.len() < MAX_TOKEN {
                seen.push(byte);
            }
        }
        match byte {
            b'>' => self.place = Place::Text,
            b'\'' | b'"' => self.place = Place::Quoted(byte),
            b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'/' => {}
            _ => {
                self.len += 1;
                let continuation = byte & 0xC0 == 0x80;
                if self.len > MAX_TOKEN && !continuation && !self.cutting {
                    self.cutting = true;
                    // An element's end tag must be cut alike, two attributes must not.
                    if !self.element_name {
                        self.cuts += 1;
                        out.extend_from_slice(self.cuts.to_string().as_bytes());
                    }
                }
                if !self.cutting {
                    out.push(byte);
                }
                return;
            }
        }
        if !(byte == b'/' && self.len == 0) {
            self.element_name = false;
        }
        self.len = 0;
        self.cutting = false;
        self.reference = false;
        out.push(byte);
    }

    fn quoted(&mut self, byte: u8, quote: u8, out: &mut Vec<u8>) {
        if let HeaderState::Inside(seen) = &mut self.header
            && seen.len() < MAX_TOKEN
        {
            seen.push(byte);
        }
        if byte == quote {
            if self.cutting {
                out.extend_from_slice(CUT.encode_utf8(&mut [0; 4]).as_bytes());
            }
            self.place = Place::Tag;
            self.len = 0;
            self.cutting = false;
            self.reference = false;
            out.push(byte);
            return;
        }
        self.len += 1;
        let continuation = byte & 0xC0 == 0x80;
        if self.len > MAX_TOKEN && !self.reference && !continuation {
            self.cutting = true;
        }
        match byte {
            b'&' => self.reference = true,
            b';' => self.reference = false,
            _ => {}
        }
        if !self.cutting {
            out.push(byte);
        }
    }
}

fn has_version(tag: &[u8]) -> bool {
    tag.windows(9).any(|w| &w[1..] == b"version=" && w[0].is_ascii_whitespace())
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
            Ok(Item::ElementHeadStart(space, name)) if space.as_str() == ns::DEFAULT_NS => Ok(
                Item::ElementHeadStart(Namespace::from(ns::COMPONENT), Cow::clone(&name)),
            ),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(input: &str, step: usize) -> String {
        let mut filter = Filter::default();
        let mut out = Vec::new();
        for chunk in input.as_bytes().chunks(step) {
            filter.feed(chunk, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_missing_version_is_added_to_the_stream_header_only() {
        let stream = "<?xml version='1.0'?><stream:stream id='a>b' xmlns='x'><a/><b>t</b>";
        for step in [1, 3, 1000] {
            assert_eq!(
                filtered(stream, step),
                "<?xml version='1.0'?><stream:stream id='a>b' xmlns='x' version='1.0'><a/><b>t</b>"
            );
        }
        let complete = "<stream:stream version='1.0' id='x'><a/>";
        assert_eq!(filtered(complete, 2), complete);
    }

    #[test]
    fn overlong_values_and_names_are_cut_and_stay_well_formed() {
        let value = "é&amp;".repeat(3000);
        let name = "n".repeat(9000);
        let stream = format!("<s version='1.0'><{name} a='{value}' {name}='1' {name}2='2'></{name}>");
        for step in [1, 7, 100_000] {
            let out = filtered(&stream, step) + "</s>";
            let tree: minidom::Element = out
                .replacen("<s ", "<s xmlns='x' ", 1)
                .parse()
                .expect("still well-formed");
            let child = tree.children().next().unwrap();
            assert!(child.attr("a").unwrap().ends_with(CUT));
            assert!(child.attr("a").unwrap().starts_with("é&é&"));
        }
    }
}
