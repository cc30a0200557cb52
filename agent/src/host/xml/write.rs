//! The only writer of XML that goes to libvirt. Values are escaped by the writer; nothing is ever pasted together but whole elements.

use std::io;

use grammar::size::Bytes;
use quick_xml::Writer;
use quick_xml::events::BytesText;
use roxmltree::{Document, Node};

use super::read::{Asked, ReadError, parse};
use super::tree::Element;

/// A disk to attach: a volume of a pool, by the path libvirt itself gave for it.
#[derive(Clone, Copy, Debug)]
pub struct DiskXml<'a> {
    /// Path or device of the volume (`virStorageVolGetPath`).
    pub path: &'a str,
    /// Whether the volume is a block device and not a file.
    pub block: bool,
    /// `qcow2` or `raw`: stated, so that QEMU never guesses from the content.
    pub format: &'a str,
    /// `vdb`.
    pub target: &'a str,
    /// `virtio`.
    pub bus: &'a str,
}

/// `<volume>` for `virStorageVolCreateXML`: thin, so it takes room as it is filled.
pub fn volume(name: &str, format: &str, capacity: Bytes) -> String {
    document(|writer| {
        writer.create_element("volume").write_inner_content(|w| {
            text(w, "name", name)?;
            amount(w, "capacity", capacity)?;
            amount(w, "allocation", Bytes(0))?;
            w.create_element("target").write_inner_content(|w| {
                w.create_element("format").with_attribute(("type", format)).write_empty()?;
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    })
}

/// `<disk>` for `virDomainAttachDeviceFlags`.
pub fn disk(disk: DiskXml<'_>) -> String {
    let (kind, attribute) = source(disk.block);
    document(|writer| {
        writer.create_element("disk").with_attributes([("type", kind), ("device", "disk")]).write_inner_content(
            |w| {
                w.create_element("driver").with_attributes([("name", "qemu"), ("type", disk.format)]).write_empty()?;
                w.create_element("source").with_attribute((attribute, disk.path)).write_empty()?;
                w.create_element("target").with_attributes([("dev", disk.target), ("bus", disk.bus)]).write_empty()?;
                Ok(())
            },
        )?;
        Ok(())
    })
}

/// `<disk>` for `virDomainBlockCopy`: where the copy goes.
pub fn disk_source(path: &str, block: bool, format: &str) -> String {
    let (kind, attribute) = source(block);
    document(|writer| {
        writer.create_element("disk").with_attribute(("type", kind)).write_inner_content(|w| {
            w.create_element("source").with_attribute((attribute, path)).write_empty()?;
            w.create_element("driver").with_attribute(("type", format)).write_empty()?;
            Ok(())
        })?;
        Ok(())
    })
}

/// The `<disk>` of a domain's definition with another file or device behind it, for `virDomainUpdateDeviceFlags`; `None` when it has no such
/// target. All else of the disk stays, but for what only belongs to the old source: its backing chain and its slices.
///
/// # Errors
/// When the definition is malformed.
pub fn moved(
    definition: &str,
    target: &str,
    path: &str,
    block: bool,
    format: &str,
) -> Result<Option<String>, ReadError> {
    let tree = parse(definition)?;
    let Some(disk) = disk_at(&tree, target) else { return Ok(None) };
    Ok(Some(pointed(disk, path, block, format)))
}

/// Where a disk is on the host that its machine goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `vda`.
    pub target: String,
    /// Path or device of the volume there.
    pub path: String,
    /// Whether the volume is a block device and not a file.
    pub block: bool,
    /// `qcow2` or `raw`.
    pub format: String,
}

/// A domain's definition with other files or devices behind its disks, as [`moved`] does with one; all else stays as it is written.
///
/// # Errors
/// When the definition is malformed, or has no such disk.
pub fn relocated(definition: &str, places: &[Place]) -> Result<String, ReadError> {
    let tree = parse(definition)?;
    let mut pieces = Vec::new();
    for Place { target, path, block, format } in places {
        let disk = disk_at(&tree, target).ok_or(ReadError::Missing("disk"))?;
        pieces.push((disk.range(), pointed(disk, path, *block, format)));
    }
    // From the end, so that the places before stay where they are.
    pieces.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut whole = definition.to_owned();
    for (range, disk) in pieces {
        whole.replace_range(range, &disk);
    }
    Ok(whole)
}

fn disk_at<'a, 'x>(tree: &'a Document<'x>, target: &str) -> Option<Node<'a, 'x>> {
    let mut disks = tree.root_element().child("devices").into_iter().flat_map(|devices| devices.all("disk"));
    disks.find(|disk| disk.child("target").and_then(|target| target.attribute("dev")) == Some(target))
}

/// A disk with that file or device behind it.
fn pointed(disk: Node<'_, '_>, path: &str, block: bool, format: &str) -> String {
    let mut disk = Element::of(disk);
    put(&mut disk, path, block, format);
    tree(&disk)
}

/// Puts another file or device behind a `<disk>`.
pub(super) fn put(disk: &mut Element, path: &str, block: bool, format: &str) {
    let (kind, attribute) = source(block);
    disk.set("type", kind);
    disk.children.retain(|child| !matches!(child.name.as_str(), "source" | "backingStore" | "mirror"));
    disk.children.push(Element::new("source", &[(attribute, path)]));
    match disk.children.iter_mut().find(|child| child.name == "driver") {
        Some(driver) => driver.set("type", format),
        None => disk.children.push(Element::new("driver", &[("name", "qemu"), ("type", format)])),
    }
}

/// A whole tree.
pub(super) fn tree(tree: &Element) -> String {
    document(|writer| tree.write(writer))
}

/// `<disk>` for `virDomainDetachDeviceFlags`: libvirt finds the disk by its target alone.
pub fn detach(target: &str, bus: &str) -> String {
    document(|writer| {
        writer.create_element("disk").with_attributes([("type", "file"), ("device", "disk")]).write_inner_content(
            |w| {
                w.create_element("target").with_attributes([("dev", target), ("bus", bus)]).write_empty()?;
                Ok(())
            },
        )?;
        Ok(())
    })
}

/// `<domainsnapshot>` for `virDomainSnapshotCreateXML`.
pub fn snapshot(name: &str) -> String {
    document(|writer| {
        writer.create_element("domainsnapshot").write_inner_content(|w| text(w, "name", name))?;
        Ok(())
    })
}

/// The type of a disk, and the attribute of its `<source>` that says where it is.
const fn source(block: bool) -> (&'static str, &'static str) {
    if block { ("block", "dev") } else { ("file", "file") }
}

type Out = Writer<Vec<u8>>;

fn document(build: impl FnOnce(&mut Out) -> io::Result<()>) -> String {
    let mut writer = Writer::new(Vec::new());
    build(&mut writer).expect("writing to memory can't fail");
    String::from_utf8(writer.into_inner()).expect("only strings were written")
}

fn text(writer: &mut Out, name: &str, value: &str) -> io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(value))?;
    Ok(())
}

fn amount(writer: &mut Out, name: &str, value: Bytes) -> io::Result<()> {
    let digits = value.0.to_string();
    writer.create_element(name).with_attribute(("unit", "bytes")).write_text_content(BytesText::new(&digits))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::Document;

    use super::*;

    /// The names of all elements, in document order.
    fn outline<'a>(tree: &'a Document<'_>) -> Vec<&'a str> {
        tree.descendants().filter(Node::is_element).map(|element| element.tag_name().name()).collect()
    }

    fn first_text<'a>(tree: &'a Document<'_>) -> Option<&'a str> {
        tree.root_element().first_element_child()?.text()
    }

    const HOSTILE: [&str; 6] = [
        "a</name><disk type='file'><source file='/etc/shadow'/></disk><name>",
        "x' bus='virtio'/><source file=\"/dev/sda\"/><y z='",
        "]]><!--",
        "&lt;&#x3c;&amp;amp;",
        "a\"b'c>d<e&f",
        "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM '/etc/passwd'>]>&y;",
    ];

    #[test]
    fn markup_in_a_name_stays_a_name() {
        for name in HOSTILE {
            let xml = snapshot(name);
            let tree = parse(&xml).unwrap();
            assert_eq!(outline(&tree), ["domainsnapshot", "name"], "{name}");
            assert_eq!(first_text(&tree), Some(name));

            let xml = volume(name, "qcow2", Bytes(5));
            let tree = parse(&xml).unwrap();
            assert_eq!(outline(&tree), ["volume", "name", "capacity", "allocation", "target", "format"], "{name}");
            assert_eq!(first_text(&tree), Some(name));

            let xml = disk(DiskXml { path: name, block: false, format: name, target: name, bus: name });
            let tree = parse(&xml).unwrap();
            assert_eq!(outline(&tree), ["disk", "driver", "source", "target"], "{name}");
            assert_eq!(tree.root_element().child("source").unwrap().attribute("file"), Some(name));
            assert_eq!(tree.root_element().child("target").unwrap().attribute("dev"), Some(name));

            let xml = detach(name, "virtio");
            let tree = parse(&xml).unwrap();
            assert_eq!(outline(&tree), ["disk", "target"], "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_back_as_it_was(name in r#"[a-z<>&"'/=!\[\]?#;é\-]{1,40}"#, size: u64) {
            let xml = volume(&name, "raw", Bytes(size));
            let tree = parse(&xml).unwrap();
            prop_assert_eq!(first_text(&tree), Some(name.as_str()));
            let digits = size.to_string();
            prop_assert_eq!(tree.root_element().text_at("capacity"), Some(digits.as_str()));
            let xml = disk(DiskXml { path: &name, block: true, format: "raw", target: "vdb", bus: "virtio" });
            let tree = parse(&xml).unwrap();
            prop_assert_eq!(tree.root_element().child("source").unwrap().attribute("dev"), Some(name.as_str()));
            prop_assert_eq!(outline(&tree).len(), 4);
        }
    }
}
