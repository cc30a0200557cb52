//! Reads libvirt's documents, and of them the definitions of pools, volumes and snapshots; those of domains are in [`domain`](super::domain).
//!
//! A definition is read whole into a small tree, bounded in depth and size, and then asked by path.

use grammar::size::Bytes;
use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::host::State;

/// Deepest nesting that is read; libvirt's own documents stay below 20.
const MAX_DEPTH: usize = 64;
/// Most bytes that are read; the largest definitions seen have some 100 KB.
const MAX_BYTES: usize = 4 << 20;

/// Why a definition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not well-formed.
    #[error("malformed XML")]
    Xml(#[from] quick_xml::Error),
    /// An attribute that is not well-formed.
    #[error("malformed attribute")]
    Attribute(#[from] quick_xml::events::attributes::AttrError),
    /// Nested deeper or longer than any definition is.
    #[error("too deep or too large")]
    TooLarge,
    /// It ended in the middle, or there was nothing.
    #[error("incomplete")]
    Incomplete,
    /// An element or attribute that must be there is not, or says something impossible.
    #[error("no usable {0}")]
    Missing(&'static str),
}

/// An element with its attributes, its own text and its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Qualified name as written: `disk`, `libosinfo:os`.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Text directly inside, joined.
    pub text: String,
    /// Elements inside, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Parses one document.
    ///
    /// # Errors
    /// When it is malformed, incomplete, or larger than any definition.
    pub fn parse(xml: &str) -> Result<Self, ReadError> {
        if xml.len() > MAX_BYTES {
            return Err(ReadError::TooLarge);
        }
        let mut reader = Reader::from_str(xml);
        let mut open: Vec<Element> = vec![Element::default()];
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    if open.len() > MAX_DEPTH {
                        return Err(ReadError::TooLarge);
                    }
                    open.push(Element::open(&start)?);
                }
                Event::Empty(start) => {
                    let element = Element::open(&start)?;
                    innermost(&mut open).children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().expect("the document itself is never closed by an end tag");
                    open.last_mut().ok_or(ReadError::Incomplete)?.children.push(element);
                }
                Event::Text(text) => innermost(&mut open).text.push_str(&text.xml10_content()),
                Event::CData(text) => innermost(&mut open).text.push_str(&text.xml10_content()),
                Event::GeneralRef(entity) => {
                    let c = match entity.resolve_char_ref()? {
                        Some(c) => c,
                        None => predefined(&entity).ok_or(ReadError::Missing("entity"))?,
                    };
                    innermost(&mut open).text.push(c);
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let document = open.pop().ok_or(ReadError::Incomplete)?;
        if !open.is_empty() {
            return Err(ReadError::Incomplete);
        }
        document.children.into_iter().next().ok_or(ReadError::Incomplete)
    }

    fn open(start: &BytesStart<'_>) -> Result<Self, ReadError> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute?;
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
            attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self { name: start.name().as_ref().to_owned(), attributes, ..Self::default() })
    }

    /// An empty element.
    pub fn new(name: &str, attributes: &[(&str, &str)]) -> Self {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self { name: name.to_owned(), attributes: attributes.iter().map(own).collect(), ..Self::default() }
    }

    /// All attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Gives an attribute that value.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.attributes.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.attributes.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Takes an attribute away.
    pub fn unset(&mut self, name: &str) {
        self.attributes.retain(|(key, _)| key != name);
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Walks down: `at("os/type")`.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of all its attributes.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(_, value)| value.as_str())
    }

    /// The trimmed text of the element at that path, when there is any.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// An amount with its `unit` (libvirt: KiB when none is given for memory, bytes for storage).
    pub(super) fn amount(&self, path: &str, default_unit: &str) -> Option<Bytes> {
        let element = self.at(path)?;
        let number: u64 = element.text.trim().parse().ok()?;
        let factor = unit(element.attribute("unit").unwrap_or(default_unit))?;
        number.checked_mul(factor).map(Bytes)
    }
}

/// The element that is being filled; the document itself is always open.
fn innermost(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the document is open until the end")
}

/// The five entities that XML itself defines; libvirt's documents have no others.
fn predefined(entity: &str) -> Option<char> {
    Some(match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Bytes in one of libvirt's scaled units (formatdomain, "memory"): KB is 1000, KiB and k are 1024.
fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "b" | "bytes" | "B" => 1,
        "KB" => 1_000,
        "k" | "K" | "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "T" | "TiB" => 1 << 40,
        "P" | "PiB" => 1 << 50,
        _ => return None,
    })
}

/// What a pool's definition says.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolDef {
    /// Its name.
    pub name: String,
    /// `dir`, `netfs`, `logical`.
    pub kind: String,
    /// Folder under which its volumes are.
    pub target: Option<String>,
}

/// Reads a `<pool>` (`virStoragePoolGetXMLDesc`).
///
/// # Errors
/// When it is malformed or has no name.
pub fn pool(xml: &str) -> Result<PoolDef, ReadError> {
    let root = Element::parse(xml)?;
    Ok(PoolDef {
        name: root.text_at("name").ok_or(ReadError::Missing("name"))?.to_owned(),
        kind: root.attribute("type").unwrap_or_default().to_owned(),
        target: root.text_at("target/path").map(str::to_owned),
    })
}

/// What a volume's definition says.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeDef {
    /// `file`, `block`, `dir`, `network`.
    pub kind: String,
    /// Image format, as libvirt sees it: `qcow2`.
    pub format: Option<String>,
    /// Path of the volume.
    pub path: Option<String>,
    /// The file it stands on, as libvirt sees it.
    pub backing: Option<String>,
    /// The format of that file.
    pub backing_format: Option<String>,
}

/// Reads a `<volume>` (`virStorageVolGetXMLDesc`).
///
/// # Errors
/// When it is malformed.
pub fn volume(xml: &str) -> Result<VolumeDef, ReadError> {
    let root = Element::parse(xml)?;
    Ok(VolumeDef {
        kind: root.attribute("type").unwrap_or("file").to_owned(),
        format: root.at("target/format").and_then(|format| format.attribute("type")).map(str::to_owned),
        path: root.text_at("target/path").map(str::to_owned),
        backing: root.text_at("backingStore/path").map(str::to_owned),
        backing_format: root.at("backingStore/format").and_then(|format| format.attribute("type")).map(str::to_owned),
    })
}

/// What a snapshot's definition says.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotDef {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub created: Timestamp,
    /// The domain's state in it.
    pub state: State,
    /// Targets of the disks that the domain had; `None` when its definition is not in it.
    pub disks: Option<Vec<String>>,
}

/// Reads a `<domainsnapshot>` (`virDomainSnapshotGetXMLDesc`).
///
/// # Errors
/// When it is malformed or has no name.
pub fn snapshot(xml: &str) -> Result<SnapshotDef, ReadError> {
    let root = Element::parse(xml)?;
    let seconds = root.text_at("creationTime").and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(SnapshotDef {
        name: root.text_at("name").ok_or(ReadError::Missing("name"))?.to_owned(),
        created: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
        state: match root.text_at("state") {
            Some("running" | "blocked") => State::Running,
            Some("paused" | "pmsuspended") => State::Paused,
            Some("crashed") => State::Crashed,
            _ => State::Off,
        },
        disks: root.at("domain/devices").map(|devices| {
            let target = |disk: &Element| disk.at("target")?.attribute("dev").map(str::to_owned);
            devices.children.iter().filter(|child| child.name == "disk").filter_map(target).collect()
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_says_when_and_in_which_state_it_was_taken() {
        let xml = "<domainsnapshot><name>s</name><state>shutoff</state><creationTime>1700000000</creationTime></domainsnapshot>";
        let snapshot = snapshot(xml).unwrap();
        assert_eq!((snapshot.state, snapshot.created.as_second()), (State::Off, 1_700_000_000));
        assert_eq!(snapshot.disks, None);
    }

    #[test]
    fn a_snapshot_says_which_disks_the_domain_had() {
        let disks = r#"<disk device="disk"><target dev="vda"/></disk><disk device="cdrom"><target dev="sda"/></disk>"#;
        let xml = format!("<domainsnapshot><name>s</name><domain><devices>{disks}</devices></domain></domainsnapshot>");
        assert_eq!(snapshot(&xml).unwrap().disks.unwrap(), ["vda", "sda"]);
    }
}
