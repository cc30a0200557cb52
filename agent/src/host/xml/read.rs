//! Reads libvirt's definitions of domains, pools, volumes and snapshots into what the mirror keeps.
//!
//! A definition is read whole into a small tree, bounded in depth and size, and then asked by path.

use grammar::size::Bytes;
use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use uuid::Uuid;

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

    /// The trimmed text of the element at that path, when there is any.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// An amount with its `unit` (libvirt: KiB when none is given for memory, bytes for storage).
    fn amount(&self, path: &str, default_unit: &str) -> Option<Bytes> {
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

/// What a domain's definition says.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// libvirt's name.
    pub name: String,
    /// libvirt's identity.
    pub uuid: Uuid,
    /// Most memory it may use.
    pub memory: Bytes,
    /// Virtual CPUs it has now.
    pub vcpus: u32,
    /// libosinfo's short id, from the metadata: `debian12`.
    pub os: Option<String>,
    /// Disks and drives in the order of the definition.
    pub disks: Vec<DiskDef>,
    /// Host-side names of its network devices, for statistics: `vnet0`.
    pub nics: Vec<String>,
}

/// A `<disk>` of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskDef {
    /// `vda`.
    pub target: String,
    /// `disk`, `cdrom`, `floppy`, `lun`.
    pub device: String,
    /// Path, device or volume behind it.
    pub source: Option<String>,
    /// Pool and volume, for `type='volume'`.
    pub volume: Option<(String, String)>,
    /// `qcow2`, `raw`.
    pub format: String,
    /// `virtio`.
    pub bus: String,
    /// Whether the guest may not write to it.
    pub readonly: bool,
}

/// Reads a `<domain>` (`virDomainGetXMLDesc`).
///
/// # Errors
/// When it is malformed or has no name or UUID.
pub fn domain(xml: &str) -> Result<Domain, ReadError> {
    let root = Element::parse(xml)?;
    let devices = root.child("devices");
    let of_kind = |kind: &'static str| {
        devices.into_iter().flat_map(|devices| &devices.children).filter(move |device| device.name == kind)
    };
    let vcpu = root.child("vcpu");
    Ok(Domain {
        name: root.text_at("name").ok_or(ReadError::Missing("name"))?.to_owned(),
        uuid: root.text_at("uuid").and_then(|text| text.parse().ok()).ok_or(ReadError::Missing("UUID"))?,
        memory: root.amount("memory", "KiB").unwrap_or_default(),
        vcpus: vcpu.and_then(|v| v.attribute("current").unwrap_or(v.text.trim()).parse().ok()).unwrap_or(1),
        os: root.child("metadata").and_then(os_id),
        disks: of_kind("disk").filter_map(disk).collect(),
        nics: of_kind("interface").filter_map(|nic| nic.child("target")?.attribute("dev").map(str::to_owned)).collect(),
    })
}

/// A disk without a target can't be named by anybody, so it is left out.
fn disk(element: &Element) -> Option<DiskDef> {
    let target = element.child("target")?;
    let source = element.child("source");
    let from = |name: &str| source.and_then(|source| source.attribute(name)).map(str::to_owned);
    let driver_type = element.child("driver").and_then(|driver| driver.attribute("type"));
    Some(DiskDef {
        target: target.attribute("dev")?.to_owned(),
        device: element.attribute("device").unwrap_or("disk").to_owned(),
        source: from("file").or_else(|| from("dev")).or_else(|| from("volume")).or_else(|| from("name")),
        volume: from("pool").zip(from("volume")),
        format: driver_type.unwrap_or("raw").to_owned(),
        bus: target.attribute("bus").unwrap_or_default().to_owned(),
        readonly: element.child("readonly").is_some(),
    })
}

/// libosinfo writes `http://debian.org/debian/12`; people say debian12.
fn os_id(metadata: &Element) -> Option<String> {
    let info =
        metadata.children.iter().find(|child| child.name.ends_with(":libosinfo") || child.name == "libosinfo")?;
    let os = info.children.iter().find(|child| child.name.ends_with(":os") || child.name == "os")?;
    let mut parts = os.attribute("id")?.rsplit('/');
    let version = parts.next().filter(|part| !part.is_empty())?;
    let family = parts.next().filter(|part| !part.is_empty())?;
    Some(format!("{family}{version}"))
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
    /// Whether libvirt sees a backing file.
    pub backing: bool,
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
        backing: root.text_at("backingStore/path").is_some(),
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_with_its_disks_in_order_and_its_system() {
        let xml = r#"<domain type='qemu' id='1'><name>a &amp; b</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
            <metadata><libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
              <libosinfo:os id="http://debian.org/debian/12"/></libosinfo:libosinfo></metadata>
            <memory unit='KiB'>2097152</memory><vcpu placement='static' current='1'>4</vcpu>
            <devices>
              <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/p/web1.qcow2'/><target dev='vda' bus='virtio'/></disk>
              <disk type='file' device='cdrom'><driver name='qemu'/><target dev='sda' bus='sata'/><readonly/></disk>
              <disk type='volume' device='disk'><source pool='default' volume='x'/><target dev='vdb' bus='virtio'/></disk>
              <interface type='user'><target dev='vnet3'/></interface>
            </devices></domain>"#;
        let domain = domain(xml).unwrap();
        assert_eq!((domain.name.as_str(), domain.memory, domain.vcpus), ("a & b", Bytes(2 << 30), 1));
        assert_eq!(domain.os.as_deref(), Some("debian12"));
        let targets: Vec<_> = domain.disks.iter().map(|d| (d.target.as_str(), d.format.as_str(), d.readonly)).collect();
        assert_eq!(targets, [("vda", "qcow2", false), ("sda", "raw", true), ("vdb", "raw", false)]);
        assert_eq!(domain.disks[1].source, None);
        assert_eq!(domain.disks[2].volume, Some(("default".to_owned(), "x".to_owned())));
        assert_eq!(domain.nics, ["vnet3"]);
    }

    #[test]
    fn broken_deep_and_empty_documents_are_errors_and_not_panics() {
        let deep = "<a>".repeat(10_000);
        for bad in ["", "   ", "<domain>", "<domain></a>", "</a>", "<a b=>", "&x;", "<domain/>", deep.as_str()] {
            assert!(domain(bad).is_err(), "{bad:.40}");
        }
    }

    #[test]
    fn a_snapshot_says_when_and_in_which_state_it_was_taken() {
        let xml = "<domainsnapshot><name>s</name><state>shutoff</state><creationTime>1700000000</creationTime></domainsnapshot>";
        let snapshot = snapshot(xml).unwrap();
        assert_eq!((snapshot.state, snapshot.created.as_second()), (State::Off, 1_700_000_000));
    }
}
