//! Bytes from a server, made fit for the XML reader.
//!
//! Three things are mended on the way, each of which would cost the connection
//! or too much time, and each of which anybody can cause:
//!
//! - XEP-0114 servers leave `version` out of their stream header, which the XML
//!   stream layer insists on: it is added.
//! - An attribute or name of more than 8 KiB is a fatal error to the XML reader:
//!   it is cut and [marked](CUT), so that one stanza is refused instead.
//! - The XML reader looks up namespaces through all open elements, so 210 KB of
//!   nesting keep it busy for seconds: what is deeper than any stanza may be is
//!   left out. The element that remains is [refused](super::flat) for its depth.

use super::flat::{CUT, MAX_DEPTH};

/// Bytes of one attribute value or name beyond which it is cut.
const MAX_TOKEN: usize = 7 * 1024;
/// Open elements, the stream among them, beyond which all is left out. More
/// than a stanza may have, so that it is seen to have too many.
const MAX_OPEN: usize = MAX_DEPTH + 8;

/// Follows tags and quotes byte by byte. XMPP forbids comments, processing
/// instructions, and CDATA survives no server's re-serialisation, so `<`, `>` and
/// quotes are all there is.
#[derive(Default)]
pub(super) struct Filter {
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
    /// Elements open, the stream among them.
    depth: usize,
    /// The tag being read, and whether its last byte was a slash.
    tag: Tag,
    slash: bool,
    /// `<` was read and is not yet passed on.
    opening: bool,
    /// Too deep: nothing is passed on.
    muted: bool,
}

#[derive(Default, PartialEq)]
enum Tag {
    #[default]
    Start,
    End,
    Declaration,
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
    /// Adds what remains of `input` to `out`. Input may end anywhere.
    pub(super) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + 16);
        for &byte in input {
            let before = out.len();
            let in_tag = self.place == Place::Tag;
            match self.place {
                Place::Text => self.text(byte, out),
                Place::Tag => self.tag(byte, out),
                Place::Quoted(quote) => self.quoted(byte, quote, out),
            }
            if self.muted {
                out.truncate(before);
            }
            if in_tag {
                if byte == b'>' {
                    self.tag_ended();
                }
                self.slash = byte == b'/';
            }
        }
    }

    fn tag_ended(&mut self) {
        match self.tag {
            Tag::Start if !self.slash => self.depth += 1,
            Tag::End => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.muted = self.depth > MAX_OPEN;
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
            // What kind of tag it is decides whether it is passed on.
            self.opening = true;
            return;
        }
        out.push(byte);
    }

    fn tag(&mut self, byte: u8, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.opening) {
            self.tag = match byte {
                b'/' => Tag::End,
                b'?' => Tag::Declaration,
                _ => Tag::Start,
            };
            self.muted = self.depth + usize::from(self.tag == Tag::Start) > MAX_OPEN;
            out.push(b'<');
        }
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
    fn what_is_nested_too_deep_never_reaches_the_reader_and_the_rest_does() {
        let levels = 30_000;
        let deep = |n: usize| format!("{}text<e/>{}", "<a>".repeat(n), "</a>".repeat(n));
        let stream = format!("<s version='1.0'><m>{}</m><m>next</m>", deep(levels));
        let kept = deep(MAX_OPEN - 2).replace("text<e/>", "");
        for step in [1, 5, 1_000_000] {
            assert_eq!(filtered(&stream, step), format!("<s version='1.0'><m>{kept}</m><m>next</m>"));
        }
        let shallow = format!("<s version='1.0'><m>{}</m>", deep(MAX_OPEN - 3));
        assert_eq!(filtered(&shallow, 3), shallow);
    }

    #[test]
    fn overlong_values_and_names_are_cut_and_stay_well_formed() {
        let value = "é&amp;".repeat(3000);
        let name = "n".repeat(9000);
        let stream = format!("<s version='1.0'><{name} a='{value}' {name}='1' {name}2='2'></{name}>");
        for step in [1, 7, 100_000] {
            let out = filtered(&stream, step) + "</s>";
            let tree: minidom::Element = out.replacen("<s ", "<s xmlns='x' ", 1).parse().expect("still well-formed");
            let child = tree.children().next().unwrap();
            assert!(child.attr("a").unwrap().ends_with(CUT));
            assert!(child.attr("a").unwrap().starts_with("é&é&"));
        }
    }
}
