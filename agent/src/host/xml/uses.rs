//! Who names a file: everything in a definition that may be the volume in question, whatever it is there for.
//!
//! A definition names files in more places than anybody lists: disks, backing files, kernels, flash, TPMs, arguments for QEMU.
//! So every attribute and every text of it is looked at, and the place only says what the file is used as.

use roxmltree::Node;

use super::read::Asked;
use crate::host::UsedAs;

/// Something in a document that may name a file or a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention<'x> {
    /// What it is used as, by where it stands.
    pub role: UsedAs,
    /// What it is.
    pub what: What<'x>,
}

/// How a document names a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'x> {
    /// A volume of a pool.
    Volume(&'x str, &'x str),
    /// A path, or any other text, which may have one in it.
    Text(&'x str),
}

/// An image that a disk of a domain stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it is used as.
    pub role: UsedAs,
    /// Its path; empty when it is only named as a volume.
    pub path: String,
    /// Pool and volume, for `type='volume'`.
    pub volume: Option<(String, String)>,
    /// Its format: only some can stand on others.
    pub format: String,
    /// Whether the definition itself says all that the image stands on, as that of a running domain does.
    pub chain_known: bool,
}

/// Everything that may name a file.
pub fn mentions<'a>(document: Node<'a, '_>) -> Vec<Mention<'a>> {
    let mut found = Vec::new();
    collect(document, &UsedAs::Other, &mut found);
    found
}

fn collect<'a>(element: Node<'a, '_>, outer: &UsedAs, found: &mut Vec<Mention<'a>>) {
    let role = role(element, outer);
    if let (Some(pool), Some(volume)) = (element.attribute("pool"), element.attribute("volume")) {
        found.push(Mention { role: role.clone(), what: What::Volume(pool, volume) });
    }
    // A text that a comment stands in would be two; libvirt's own documents have none.
    let inside = element.children().filter(Node::is_text).filter_map(|text| text.text());
    let texts = element.attributes().map(|attribute| attribute.value()).chain(inside.map(str::trim));
    let texts = texts.filter(|text| !text.is_empty());
    found.extend(texts.map(|text| Mention { role: role.clone(), what: What::Text(text) }));
    for child in element.children().filter(Node::is_element) {
        collect(child, &role, found);
    }
}

/// What a file in this element is used as.
fn role(element: Node<'_, '_>, outer: &UsedAs) -> UsedAs {
    match element.name() {
        "disk" => {
            let target = element.child("target").and_then(|target| target.attribute("dev"));
            // In a snapshot the target is an attribute.
            let target = target.or_else(|| element.attribute("name")).unwrap_or_default().to_owned();
            match element.attribute("device").unwrap_or("disk") {
                "disk" | "lun" => UsedAs::Disk(target),
                _ => UsedAs::Drive(target),
            }
        }
        "backingStore" => UsedAs::Backing,
        "dataStore" => UsedAs::Data,
        "nvram" | "loader" | "varstore" => UsedAs::Firmware,
        "kernel" | "initrd" | "dtb" | "cmdline" | "acpi" => UsedAs::Boot,
        _ => outer.clone(),
    }
}

/// The images of a domain's disks and drives.
pub fn images(domain: Node<'_, '_>) -> Vec<Image> {
    domain.child("devices").into_iter().flat_map(|devices| devices.all("disk")).filter_map(image).collect()
}

fn image(disk: Node<'_, '_>) -> Option<Image> {
    let source = disk.child("source")?;
    let path = source.attribute("file").or_else(|| source.attribute("dev")).unwrap_or_default();
    let volume = source.attribute("pool").zip(source.attribute("volume"));
    if path.is_empty() && volume.is_none() {
        return None;
    }
    Some(Image {
        role: role(disk, &UsedAs::Other),
        path: path.to_owned(),
        volume: volume.map(|(pool, volume)| (pool.to_owned(), volume.to_owned())),
        format: disk.child("driver").and_then(|driver| driver.attribute("type")).unwrap_or("raw").to_owned(),
        chain_known: ends(disk),
    })
}

/// Whether the chain of backing files is there to its end, which is an empty `<backingStore/>`.
fn ends(link: Node<'_, '_>) -> bool {
    match link.child("backingStore") {
        Some(next) => next.child("source").is_none() || ends(next),
        None => false,
    }
}

/// Whether a text names that file: it is the path, or has it in it as a whole word ("file=/pool/data.qcow2,if=none").
///
/// ```
/// use agent::host::xml::uses::names;
/// assert!(names("/pool/a.qcow2", "/pool/a.qcow2") && names("file=/pool/a.qcow2,if=none", "/pool/a.qcow2"));
/// assert!(!names("/pool/a.qcow2.old", "/pool/a.qcow2") && !names("/other/pool/a.qcow2", "/pool/a.qcow2"));
/// ```
pub fn names(text: &str, path: &str) -> bool {
    if path.is_empty() {
        return false;
    }
    let part_of_a_path = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + path.len()..].chars().next();
        !before.is_some_and(part_of_a_path) && !after.is_some_and(part_of_a_path)
    })
}

/// A path without doubled slashes, as libvirt itself tidies it. `..` stays: behind a link it may lead elsewhere.
pub fn tidy(path: &str) -> String {
    let mut tidy = String::with_capacity(path.len());
    for c in path.chars() {
        if !(c == '/' && tidy.ends_with('/')) {
            tidy.push(c);
        }
    }
    if tidy.len() > 1 && tidy.ends_with('/') {
        tidy.pop();
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::super::read::parse;
    use super::*;

    const DOMAIN: &str = r#"<domain xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><name>web2</name>
        <os><kernel>/pool/vmlinuz</kernel><nvram template="/usr/share/T.fd">/pool/vars.fd</nvram></os>
        <devices>
          <disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="/pool/top.qcow2"/>
            <backingStore type="file"><format type="qcow2"/><source file="/pool/base.qcow2"/><backingStore/></backingStore>
            <target dev="vda"/></disk>
          <disk type="volume" device="cdrom"><source pool="isos" volume="debian.iso"/><target dev="sda"/></disk>
          <serial type="file"><source path="/pool/log.txt"/></serial>
        </devices>
        <qemu:commandline><qemu:arg value="file=/pool/side.qcow2,if=none"/></qemu:commandline></domain>"#;

    fn used_as(path: &str) -> Option<UsedAs> {
        let document = parse(DOMAIN).unwrap();
        let mentions = mentions(document.root_element());
        let found = mentions.iter().find(|mention| matches!(mention.what, What::Text(text) if names(text, path)));
        found.map(|mention| mention.role.clone())
    }

    #[test]
    fn whatever_a_definition_names_is_found_with_what_it_is_used_as() {
        for (path, role) in [
            ("/pool/top.qcow2", Some(UsedAs::Disk("vda".to_owned()))),
            ("/pool/base.qcow2", Some(UsedAs::Backing)),
            ("/pool/vmlinuz", Some(UsedAs::Boot)),
            ("/pool/vars.fd", Some(UsedAs::Firmware)),
            ("/pool/log.txt", Some(UsedAs::Other)),
            ("/pool/side.qcow2", Some(UsedAs::Other)),
            ("/pool/top", None),
            ("pool/top.qcow2", None),
        ] {
            assert_eq!(used_as(path), role, "{path}");
        }
    }

    #[test]
    fn images_are_listed_with_whether_their_chain_is_known() {
        let document = parse(DOMAIN).unwrap();
        let images = images(document.root_element());
        assert_eq!(images.len(), 2);
        assert!(images[0].chain_known && images[0].path == "/pool/top.qcow2" && images[0].format == "qcow2");
        assert_eq!(images[1].volume, Some(("isos".to_owned(), "debian.iso".to_owned())));
        let open = DOMAIN.replace("<backingStore/>", "");
        assert!(!super::images(parse(&open).unwrap().root_element())[0].chain_known);
    }

    #[test]
    fn paths_are_tidied_as_libvirt_does() {
        assert_eq!((tidy("//a///b/").as_str(), tidy("/").as_str(), tidy("/a/../b").as_str()), ("/a/b", "/", "/a/../b"));
    }
}
