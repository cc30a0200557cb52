//! Reads libvirt's documents, and of them the definitions of pools, volumes and snapshots; those of domains are in [`domain`](super::domain).
//!
//! roxmltree reads them into a tree, without recursion, and refuses what has a DTD, so that no entity can grow and no file is named by
//! one; how large and how deep a document may be is bounded here, since whoever walks the tree does recurse.

use grammar::size::Bytes;
use jiff::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};

use crate::host::State;

/// Deepest nesting that is read; libvirt's own documents stay below 20.
const MAX_DEPTH: usize = 64;
/// Most bytes that are read; the largest definitions seen have some 100 KB.
const MAX_BYTES: usize = 4 << 20;
/// Most elements and texts, each of which takes more room in the tree than it may have in the document.
const MAX_NODES: u32 = 1 << 18;

/// Why a definition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not well-formed, not whole, or with a DTD.
    #[error("malformed XML")]
    Xml(#[from] roxmltree::Error),
    /// Nested deeper or longer than any definition is.
    #[error("too deep or too large")]
    TooLarge,
    /// An element or attribute that must be there is not, or says something impossible.
    #[error("no usable {0}")]
    Missing(&'static str),
}

/// Parses one document.
///
/// # Errors
/// When it is malformed, incomplete, or larger than any definition.
pub fn parse(xml: &str) -> Result<Document<'_>, ReadError> {
    if xml.len() > MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options)?;
    if document.descendants().any(|node| node.ancestors().nth(MAX_DEPTH).is_some()) {
        return Err(ReadError::TooLarge);
    }
    Ok(document)
}

/// What is asked of an element of libvirt's. Its own elements have no namespace; those of others are only found by who looks for them.
pub trait Asked<'a, 'x: 'a>: Sized {
    /// Its name; empty for one of a namespace.
    fn name(self) -> &'a str;
    /// All children of that name, in order.
    fn all(self, name: &str) -> impl Iterator<Item = Node<'a, 'x>>;
    /// The first child of that name.
    fn child(self, name: &str) -> Option<Node<'a, 'x>>;
    /// Walks down: `at("os/type")`.
    fn at(self, path: &str) -> Option<Node<'a, 'x>>;
    /// Its trimmed text, when there is any.
    fn own_text(self) -> Option<&'a str>;
    /// The trimmed text of the element at that path, when there is any.
    fn text_at(self, path: &str) -> Option<&'a str>;
    /// An amount with its `unit` (libvirt: KiB when none is given for memory, bytes for storage).
    fn amount(self, path: &str, default_unit: &str) -> Option<Bytes>;
}

impl<'a, 'x: 'a> Asked<'a, 'x> for Node<'a, 'x> {
    fn name(self) -> &'a str {
        let name = self.tag_name();
        if name.namespace().is_none() { name.name() } else { "" }
    }

    fn all(self, name: &str) -> impl Iterator<Item = Node<'a, 'x>> {
        self.children().filter(move |child| child.name() == name)
    }

    fn child(self, name: &str) -> Option<Node<'a, 'x>> {
        self.children().find(|child| child.name() == name)
    }

    fn at(self, path: &str) -> Option<Node<'a, 'x>> {
        path.split('/').try_fold(self, Self::child)
    }

    fn own_text(self) -> Option<&'a str> {
        self.text().map(str::trim).filter(|text| !text.is_empty())
    }

    fn text_at(self, path: &str) -> Option<&'a str> {
        self.at(path)?.own_text()
    }

    fn amount(self, path: &str, default_unit: &str) -> Option<Bytes> {
        let element = self.at(path)?;
        let number: u64 = element.own_text()?.parse().ok()?;
        let factor = unit(element.attribute("unit").unwrap_or(default_unit))?;
        number.checked_mul(factor).map(Bytes)
    }
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
    let document = parse(xml)?;
    let root = document.root_element();
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
    let document = parse(xml)?;
    let root = document.root_element();
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
    let document = parse(xml)?;
    let root = document.root_element();
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
            let target = |disk: Node<'_, '_>| disk.child("target")?.attribute("dev").map(str::to_owned);
            devices.all("disk").filter_map(target).collect()
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

    #[test]
    fn what_has_a_dtd_is_too_deep_or_too_large_is_refused() {
        let laughs = "<!DOCTYPE a [<!ENTITY x 'ha'><!ENTITY y '&x;&x;'>]><a>&y;</a>";
        assert!(matches!(parse(laughs), Err(ReadError::Xml(roxmltree::Error::DtdDetected))));
        let file = "<!DOCTYPE a [<!ENTITY x SYSTEM '/etc/passwd'>]><a>&x;</a>";
        assert!(matches!(parse(file), Err(ReadError::Xml(roxmltree::Error::DtdDetected))));
        let nested = |deep: usize| format!("{}{}", "<a>".repeat(deep), "</a>".repeat(deep));
        assert!(parse(&nested(60)).is_ok());
        assert!(matches!(parse(&nested(500_000)), Err(ReadError::TooLarge | ReadError::Xml(_))));
        assert!(matches!(parse(&nested(100_000)), Err(ReadError::TooLarge)));
        assert!(matches!(parse(&format!("<a>{}</a>", " ".repeat(MAX_BYTES))), Err(ReadError::TooLarge)));
        let wide = format!("<a>{}</a>", "<b/>".repeat(1 << 19));
        assert!(matches!(parse(&wide), Err(ReadError::Xml(roxmltree::Error::NodesLimitReached))));
    }
}
