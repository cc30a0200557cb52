//! Reads libvirt's definition of a domain into what the mirror keeps (<https://libvirt.org/formatdomain.html>).

use grammar::size::Bytes;
use roxmltree::Node;
use uuid::Uuid;

use super::read::{Asked, ReadError, parse};
use crate::host::{Nic, Passed, PassedKind};

/// What a domain's definition says.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// libvirt's name.
    pub name: String,
    /// libvirt's identity.
    pub uuid: Uuid,
    /// `<title>`.
    pub title: Option<String>,
    /// `<description>`.
    pub description: Option<String>,
    /// The name that what made it keeps in the metadata: `nova:name`.
    pub metadata_name: Option<String>,
    /// Memory it has now.
    pub memory: Bytes,
    /// Most memory it may use.
    pub memory_max: Bytes,
    /// Virtual CPUs it has now.
    pub vcpus: u32,
    /// Most virtual CPUs it may have.
    pub vcpus_max: u32,
    /// libosinfo's short id, from the metadata: `debian12`.
    pub os: Option<String>,
    /// Disks and drives in the order of the definition.
    pub disks: Vec<DiskDef>,
    /// Network cards in the order of the definition.
    pub nics: Vec<Nic>,
    /// Host-side names of its network devices, for statistics: `vnet0`.
    pub nic_targets: Vec<String>,
    /// What it is given of its host.
    pub passed: Vec<Passed>,
    /// Whether it starts by UEFI with its variables in flash.
    pub uefi: bool,
}

/// A `<disk>` of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskDef {
    /// `vda`.
    pub target: String,
    /// `disk`, `cdrom`, `floppy`, `lun`.
    pub device: String,
    /// `file`, `block`, `volume`, `network`, `dir`, `nvme`, `vhostuser`.
    pub kind: String,
    /// `rbd`, `iscsi`, `nbd`, `https`.
    pub protocol: Option<String>,
    /// Path, device, volume, or name on the network behind it.
    pub source: Option<String>,
    /// Pool and volume, for `type='volume'`.
    pub volume: Option<(String, String)>,
    /// `qcow2`, `raw`.
    pub format: String,
    /// `virtio`.
    pub bus: String,
    /// Whether the guest may not write to it.
    pub readonly: bool,
    /// Whether several may write to it at once.
    pub shared: bool,
    /// Whether it is being copied, and whether the copy is complete (`<mirror>`).
    pub mirrored: Option<bool>,
    /// Onto which file or device.
    pub mirrored_to: Option<String>,
}

/// Reads a `<domain>` (`virDomainGetXMLDesc`).
///
/// # Errors
/// When it is malformed or has no name or UUID.
pub fn domain(xml: &str) -> Result<Domain, ReadError> {
    let document = parse(xml)?;
    let root = document.root_element();
    let devices = root.child("devices");
    let of_kind = |kind: &'static str| devices.into_iter().flat_map(move |devices| devices.all(kind));
    let text = |path: &str| root.text_at(path).map(str::to_owned);
    // Between one and the other there is room for `maxMemory`, which only DIMMs can use.
    let memory_max = root.amount("memory", "KiB").unwrap_or_default();
    let vcpu = root.child("vcpu");
    let vcpus_max = vcpu.and_then(|v| v.own_text()?.parse().ok()).unwrap_or(1);
    let metadata = root.child("metadata");
    Ok(Domain {
        name: text("name").ok_or(ReadError::Missing("name"))?,
        uuid: root.text_at("uuid").and_then(|text| text.parse().ok()).ok_or(ReadError::Missing("UUID"))?,
        title: text("title"),
        description: text("description"),
        metadata_name: metadata.and_then(metadata_name),
        memory: root.amount("currentMemory", "KiB").unwrap_or(memory_max),
        memory_max,
        vcpus: vcpu.and_then(|v| v.attribute("current")?.parse().ok()).unwrap_or(vcpus_max),
        vcpus_max,
        os: metadata.and_then(os_id),
        disks: of_kind("disk").filter_map(disk).collect(),
        nics: of_kind("interface").map(nic).collect(),
        nic_targets: of_kind("interface")
            .filter_map(|nic| nic.child("target")?.attribute("dev").map(str::to_owned))
            .collect(),
        passed: devices.into_iter().flat_map(|devices| devices.children()).filter_map(passed).collect(),
        uefi: is_uefi(root),
    })
}

/// A disk without a target can't be named by anybody, so it is left out.
fn disk(element: Node<'_, '_>) -> Option<DiskDef> {
    let target = element.child("target")?;
    let source = element.child("source");
    let from = |name: &str| source.and_then(|source| source.attribute(name)).map(str::to_owned);
    let driver_type = element.child("driver").and_then(|driver| driver.attribute("type"));
    let kind = element.attribute("type").unwrap_or("file");
    Some(DiskDef {
        target: target.attribute("dev")?.to_owned(),
        device: element.attribute("device").unwrap_or("disk").to_owned(),
        kind: kind.to_owned(),
        protocol: from("protocol").filter(|_| kind == "network"),
        source: ["file", "dev", "dir", "volume", "name"]
            .into_iter()
            .find_map(from)
            .or_else(|| source.and_then(unnamed))
            .filter(|source| !source.is_empty()),
        volume: from("pool").zip(from("volume")),
        format: driver_type.unwrap_or("raw").to_owned(),
        bus: target.attribute("bus").unwrap_or_default().to_owned(),
        readonly: element.child("readonly").is_some(),
        shared: element.child("shareable").is_some(),
        mirrored: element.child("mirror").map(|mirror| mirror.attribute("ready") == Some("yes")),
        mirrored_to: element
            .child("mirror")
            .and_then(|mirror| mirror.child("source"))
            .and_then(|source| source.attribute("file").or_else(|| source.attribute("dev")).map(str::to_owned)),
    })
}

/// Where a source without path or name is: a server (`nbd` without an export), a socket, a device of the host.
fn unnamed(source: Node<'_, '_>) -> Option<String> {
    if let Some(host) = source.child("host") {
        let port = host.attribute("port").map(|port| format!(":{port}")).unwrap_or_default();
        let name = host.attribute("name").map(|name| format!("{name}{port}"));
        return name.or_else(|| host.attribute("socket").map(str::to_owned));
    }
    source.attribute("path").map(str::to_owned).or_else(|| source.child("address").and_then(pci))
}

/// A `<interface>`.
fn nic(element: Node<'_, '_>) -> Nic {
    let source = element.child("source");
    let from = |name: &str| source.and_then(|source| source.attribute(name)).map(str::to_owned);
    let of = |child: &str, name: &str| element.child(child).and_then(|c| c.attribute(name)).map(str::to_owned);
    Nic {
        mac: of("mac", "address"),
        kind: element.attribute("type").unwrap_or_default().to_owned(),
        source: ["network", "bridge", "dev", "path"]
            .into_iter()
            .find_map(from)
            .or_else(|| source.and_then(|source| source.child("address")).and_then(pci)),
        model: of("model", "type"),
    }
}

/// What a domain is given of its host.
fn passed(element: Node<'_, '_>) -> Option<Passed> {
    let source = element.child("source");
    let (kind, what) = match element.name() {
        "hostdev" => hostdev(element, source)?,
        "redirdev" => (PassedKind::Redirected, element.attribute("bus").unwrap_or("usb").to_owned()),
        "tpm" => {
            let backend = element.child("backend");
            let from = |name: &str| backend.and_then(|backend| backend.attribute(name));
            let device = backend.and_then(|backend| backend.child("device")).and_then(|d| d.attribute("path"));
            (PassedKind::Tpm, device.or_else(|| from("version")).unwrap_or("2.0").to_owned())
        }
        "filesystem" => {
            let from = |name: &str| source.and_then(|source| source.attribute(name));
            let folder = ["dir", "file", "dev", "name", "socket"].into_iter().find_map(from)?;
            (PassedKind::Folder, folder.to_owned())
        }
        _ => return None,
    };
    Some(Passed { kind, what })
}

fn hostdev(element: Node<'_, '_>, source: Option<Node<'_, '_>>) -> Option<(PassedKind, String)> {
    let address = source.and_then(|source| source.child("address"));
    let id = |name: &str| source?.child(name)?.attribute("id").map(|id| id.trim_start_matches("0x").to_owned());
    Some(match element.attribute("type").unwrap_or_default() {
        "pci" => (PassedKind::Pci, address.and_then(pci)?),
        "usb" => {
            let place = || {
                let address = address?;
                Some(format!("{}-{}", address.attribute("bus")?, address.attribute("device")?))
            };
            let product = id("vendor").zip(id("product")).map(|(vendor, product)| format!("{vendor}:{product}"));
            (PassedKind::Usb, product.or_else(place)?)
        }
        "mdev" => (PassedKind::Mediated, address?.attribute("uuid")?.to_owned()),
        "scsi" => {
            let name = source.and_then(|source| source.attribute("name"));
            let adapter = source.and_then(|source| source.child("adapter")).and_then(|a| a.attribute("name"));
            (PassedKind::Scsi, name.or(adapter).unwrap_or_default().to_owned())
        }
        "scsi_host" => (PassedKind::Scsi, source.and_then(|s| s.attribute("wwpn")).unwrap_or_default().to_owned()),
        _ => {
            let named = |name: &str| source?.text_at(name).map(str::to_owned);
            (PassedKind::Other, named("block").or_else(|| named("char")).or_else(|| named("interface"))?)
        }
    })
}

/// An address as `lspci` writes it: `0000:01:00.0`.
fn pci(address: Node<'_, '_>) -> Option<String> {
    let part = |name: &str| {
        let text = address.attribute(name)?;
        u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
    };
    Some(format!(
        "{:04x}:{:02x}:{:02x}.{:x}",
        part("domain").unwrap_or(0),
        part("bus")?,
        part("slot")?,
        part("function").unwrap_or(0)
    ))
}

/// By what libvirt chose for it (`pflash`), or by what it was asked for.
pub(super) fn is_uefi(root: Node<'_, '_>) -> bool {
    let Some(os) = root.child("os") else { return false };
    let flash = os.child("loader").is_some_and(|loader| loader.attribute("type") == Some("pflash"));
    flash || os.attribute("firmware") == Some("efi")
}

/// The first child of that name, whoever's namespace it is of.
fn foreign<'a, 'x>(element: Node<'a, 'x>, name: &str) -> Option<Node<'a, 'x>> {
    element.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The name in somebody's metadata: the first `<…:name>` directly in an element of its own.
fn metadata_name(metadata: Node<'_, '_>) -> Option<String> {
    let named = metadata.children().find_map(|own| foreign(own, "name"))?;
    named.own_text().map(str::to_owned)
}

/// libosinfo writes `http://debian.org/debian/12`; people say debian12.
fn os_id(metadata: Node<'_, '_>) -> Option<String> {
    let os = foreign(foreign(metadata, "libosinfo")?, "os")?;
    let mut parts = os.attribute("id")?.rsplit('/');
    let version = parts.next().filter(|part| !part.is_empty())?;
    let family = parts.next().filter(|part| !part.is_empty())?;
    Some(format!("{family}{version}"))
}

#[cfg(test)]
mod tests;
