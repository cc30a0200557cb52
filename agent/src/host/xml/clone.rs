//! The definition of a copy of a machine: what the two may have alike stays, what only one can have is the copy's own or left to libvirt.

use super::domain::is_uefi;
use super::read::{ReadError, parse};
use super::tree::Element;
use super::write::{self, Place};

/// Why a definition can't be that of a second machine.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// It can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A disk that would be written to by both, or whose copy nobody made.
    #[error("there is no copy of its disk {0}")]
    Disk(String),
    /// Something that only one machine can have, or of which nobody knows whether two can.
    #[error("only one machine can have its {0}")]
    Device(String),
}

/// The definition of a copy: its own name, its disks at those places. UUID, MAC addresses, ports and paths of sockets are left out, so that
/// libvirt chooses new ones; consoles that write to a file of the host become plain ones. Discs, and disks that can't be written to or are
/// meant to be shared, stay.
///
/// # Errors
/// [`CloneError`]: what can't be had twice is never left out silently.
pub fn clone(definition: &str, name: &str, places: &[Place]) -> Result<String, CloneError> {
    let document = parse(definition)?;
    // Variables in flash are a file that no pool has.
    if is_uefi(document.root_element()) {
        return Err(CloneError::Device("UEFI".to_owned()));
    }
    let mut root = Element::of(document.root_element());
    // Settings for QEMU itself may name any file.
    if let Some(own) = root.children.iter().find(|child| child.name.contains(':')) {
        return Err(CloneError::Device(own.name.clone()));
    }
    root.children.retain(|child| !matches!(child.name.as_str(), "uuid" | "title"));
    for child in &mut root.children {
        match child.name.as_str() {
            "name" => name.clone_into(&mut child.text),
            // Empty: a new one.
            "genid" => child.text.clear(),
            // What made the machine knows it by that, and the copy is not its.
            "metadata" => child.children.retain(|own| !own.children.iter().any(is_name)),
            "sysinfo" => {
                for table in &mut child.children {
                    table.children.retain(|entry| !matches!(entry.attribute("name"), Some("uuid" | "serial")));
                }
            }
            "devices" => child.children.iter_mut().try_for_each(|one| device(one, places))?,
            _ => {}
        }
    }
    Ok(write::tree(&root))
}

fn is_name(element: &Element) -> bool {
    element.name == "name" || element.name.ends_with(":name")
}

fn device(device: &mut Element, places: &[Place]) -> Result<(), CloneError> {
    let kind = device.attribute("type").unwrap_or_default().to_owned();
    let unknown = |device: &Element| Err(CloneError::Device(device.name.clone()));
    match device.name.as_str() {
        "disk" => return disk(device, places),
        "interface" => {
            if matches!(kind.as_str(), "hostdev" | "vhostuser" | "vdpa" | "server" | "client" | "mcast" | "udp") {
                return unknown(device);
            }
            device.children.retain(|child| !matches!(child.name.as_str(), "mac" | "target"));
            // A port of a virtual switch is one card's.
            let ports = device.children.iter_mut().filter(|child| child.name == "virtualport");
            for parameters in ports.flat_map(|port| &mut port.children) {
                parameters.unset("interfaceid");
            }
        }
        "serial" | "parallel" | "console" => {
            device.set("type", if kind == "null" { "null" } else { "pty" });
            device.unset("tty");
            device.children.retain(|child| !matches!(child.name.as_str(), "source" | "log" | "protocol"));
        }
        "channel" if matches!(kind.as_str(), "unix" | "pty" | "spicevmc" | "null" | "qemu-vdagent") => {
            device.children.retain(|child| !matches!(child.name.as_str(), "log"));
            if matches!(kind.as_str(), "unix" | "pty") {
                device.children.retain(|child| child.name != "source");
            }
        }
        "graphics" => {
            for port in ["port", "tlsPort", "websocket"] {
                if device.attribute(port).is_some() {
                    device.set(port, "-1");
                    device.set("autoport", "yes");
                }
            }
            device.unset("socket");
            let listens = device.children.iter_mut().filter(|child| child.name == "listen");
            listens.for_each(|listen| listen.unset("socket"));
        }
        "vsock" => {
            for cid in device.children.iter_mut().filter(|child| child.name == "cid") {
                cid.set("auto", "yes");
                cid.unset("address");
            }
        }
        "rng" if device.child("backend").is_some_and(|backend| backend.attribute("model") != Some("egd")) => {}
        "redirdev" if kind == "spicevmc" => {}
        "memory" if matches!(device.attribute("model"), Some("dimm" | "virtio-mem")) => {}
        "emulator" | "controller" | "input" | "sound" | "audio" | "video" | "watchdog" | "memballoon" | "panic"
        | "hub" | "iommu" | "redirfilter" => {}
        _ => return unknown(device),
    }
    Ok(())
}

fn disk(disk: &mut Element, places: &[Place]) -> Result<(), CloneError> {
    let target = disk.child("target").and_then(|target| target.attribute("dev")).unwrap_or_default().to_owned();
    let kept = disk.child("readonly").is_some() || disk.child("shareable").is_some();
    match disk.attribute("device").unwrap_or("disk") {
        "cdrom" => return Ok(()),
        "floppy" => {
            if !kept {
                disk.children.retain(|child| child.name != "source");
            }
            return Ok(());
        }
        "disk" if kept => return Ok(()),
        "disk" => {}
        _ => return Err(CloneError::Disk(target)),
    }
    let encrypted = disk.child("encryption").or_else(|| disk.at("source/encryption"));
    match places.iter().find(|place| place.target == target) {
        Some(place) if encrypted.is_none() => {
            write::put(disk, &place.path, place.block, &place.format);
            Ok(())
        }
        _ => Err(CloneError::Disk(target)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Vec<Place> {
        let place = |target: &str| Place {
            target: target.to_owned(),
            path: format!("/pool/b-{target}.qcow2"),
            block: false,
            format: "qcow2".to_owned(),
        };
        vec![place("vda")]
    }

    const WHOLE: &str = r"<domain type='kvm'>
        <name>a</name><uuid>a7011000-0000-4000-8000-000000000001</uuid><genid>1</genid><title>The shop</title>
        <metadata><nova:instance xmlns:nova='n'><nova:name>shop</nova:name></nova:instance><o:libosinfo xmlns:o='o'><o:os id='x'/></o:libosinfo></metadata>
        <sysinfo type='smbios'><system><entry name='uuid'>a7011000-0000-4000-8000-000000000001</entry><entry name='family'>f</entry></system></sysinfo>
        <devices>
          <disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p' volume='v'/><target dev='vda' bus='virtio'/></disk>
          <disk type='file' device='disk'><source file='/pool/shared.raw'/><target dev='vdb'/><shareable/></disk>
          <disk type='file' device='cdrom'><source file='/iso/x.iso'/><target dev='sda'/><readonly/></disk>
          <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><target dev='tap-a'/></interface>
          <serial type='file'><source path='/var/log/a.log'/><target port='0'/></serial>
          <channel type='unix'><source mode='bind' path='/run/a.sock'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
          <graphics type='vnc' port='5901' autoport='no'/>
          <vsock><cid auto='no' address='3'/></vsock>
          <memballoon model='virtio'/>
        </devices></domain>";

    #[test]
    fn a_copy_has_nothing_that_only_one_can_have_and_keeps_the_rest() {
        let tree = Element::parse(&clone(WHOLE, "b & c", &places()).unwrap()).unwrap();
        assert_eq!(tree.text_at("name"), Some("b & c"));
        assert!(tree.child("uuid").is_none() && tree.child("title").is_none() && tree.text_at("genid").is_none());
        let metadata = tree.child("metadata").unwrap();
        assert_eq!(metadata.children.iter().map(|own| own.name.as_str()).collect::<Vec<_>>(), ["o:libosinfo"]);
        assert_eq!(tree.at("sysinfo/system").unwrap().children.len(), 1);
        let devices = &tree.child("devices").unwrap().children;
        let source = |at: usize, name: &str| devices[at].child("source").and_then(|source| source.attribute(name));
        assert_eq!(
            (source(0, "file"), source(1, "file"), source(2, "file")),
            (Some("/pool/b-vda.qcow2"), Some("/pool/shared.raw"), Some("/iso/x.iso"))
        );
        assert_eq!(devices[0].attribute("type"), Some("file"));
        assert!(devices[3].child("mac").is_none() && devices[3].child("target").is_none());
        assert_eq!(source(3, "network"), Some("default"));
        assert_eq!((devices[4].attribute("type"), source(4, "path")), (Some("pty"), None));
        assert_eq!((devices[5].attribute("type"), source(5, "path")), (Some("unix"), None));
        assert_eq!((devices[6].attribute("port"), devices[6].attribute("autoport")), (Some("-1"), Some("yes")));
        assert_eq!(devices[7].child("cid").unwrap().attribute("address"), None);
    }

    #[test]
    fn what_only_one_can_have_is_refused_by_its_name() {
        let with = |device: &str| format!("<domain><name>a</name><devices>{device}</devices></domain>");
        for (device, named) in [
            ("<disk device='disk' type='file'><source file='/x'/><target dev='vdc'/></disk>", "disk vdc"),
            ("<disk device='lun' type='block'><source dev='/dev/sdb'/><target dev='vda'/></disk>", "disk vda"),
            ("<hostdev mode='subsystem' type='pci'/>", "hostdev"),
            ("<interface type='hostdev'/>", "interface"),
            ("<filesystem type='mount'/>", "filesystem"),
            ("<memory model='nvdimm'/>", "memory"),
            ("<shmem name='s'/>", "shmem"),
            ("<channel type='file'><source path='/x'/></channel>", "channel"),
        ] {
            let said = clone(&with(device), "b", &places()).unwrap_err().to_string();
            assert!(said.contains(named), "{device}: {said}");
        }
        let uefi = "<domain><name>a</name><os firmware='efi'/></domain>";
        assert!(clone(uefi, "b", &[]).unwrap_err().to_string().contains("UEFI"));
        let own = "<domain xmlns:qemu='q'><name>a</name><qemu:commandline/></domain>";
        assert!(clone(own, "b", &[]).unwrap_err().to_string().contains("qemu:commandline"));
    }
}
