//! Definitions as they are in real life: of OpenStack, an import, a workstation with passed-through devices, Windows 11.

use super::*;

const OPENSTACK: &str = include_str!("../../../../../tests/hosts/definitions/openstack.xml");
const IMPORTED: &str = include_str!("../../../../../tests/hosts/definitions/imported.xml");
const GRAPHICS: &str = include_str!("../../../../../tests/hosts/definitions/graphics.xml");
const WINDOWS: &str = include_str!("../../../../../tests/hosts/definitions/windows11.xml");

fn passed_to(domain: &Domain) -> Vec<(PassedKind, &str)> {
    domain.passed.iter().map(|passed| (passed.kind, passed.what.as_str())).collect()
}

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
    assert_eq!((domain.memory_max, domain.vcpus_max), (Bytes(2 << 30), 4));
    assert_eq!((domain.os.as_deref(), domain.metadata_name.as_deref()), (Some("debian12"), None));
    let targets: Vec<_> = domain.disks.iter().map(|d| (d.target.as_str(), d.format.as_str(), d.readonly)).collect();
    assert_eq!(targets, [("vda", "qcow2", false), ("sda", "raw", true), ("vdb", "raw", false)]);
    assert_eq!(domain.disks[1].source, None);
    assert_eq!(domain.disks[2].volume, Some(("default".to_owned(), "x".to_owned())));
    assert_eq!(domain.nic_targets, ["vnet3"]);
}

#[test]
fn an_openstack_instance_has_its_name_in_the_metadata_and_its_disks_on_the_network() {
    let domain = domain(OPENSTACK).unwrap();
    assert_eq!(domain.metadata_name.as_deref(), Some("shop-frontend-1"));
    let disks: Vec<_> = domain.disks.iter().map(|d| (d.protocol.as_deref(), d.source.as_deref().unwrap())).collect();
    let iscsi = "/dev/disk/by-path/ip-10.20.0.40:3260-iscsi-iqn.2010-10.org.openstack:volume-1-lun-1";
    assert_eq!(disks, [(Some("rbd"), "vms/0b6f1f6e_disk"), (Some("nbd"), "10.20.0.31:10809"), (None, iscsi)]);
    let nic = &domain.nics[0];
    assert_eq!(
        (nic.kind.as_str(), nic.source.as_deref(), nic.model.as_deref()),
        ("bridge", Some("br-int"), Some("virtio"))
    );
}

#[test]
fn maximum_and_present_memory_and_cpus_are_told_apart() {
    let domain = domain(IMPORTED).unwrap();
    assert_eq!((domain.memory, domain.memory_max), (Bytes(1 << 30), Bytes(2 << 30)));
    assert_eq!((domain.vcpus, domain.vcpus_max), (1, 8));
    assert_eq!(domain.title.as_deref(), Some("Wiki of the house"));
    assert!(domain.description.is_some_and(|text| text.starts_with("Moved from pve2")));
    let sources: Vec<_> = domain.nics.iter().map(|nic| (nic.kind.as_str(), nic.source.as_deref())).collect();
    assert_eq!(sources, [("network", Some("default")), ("direct", Some("eno1"))]);
    assert!(!domain.uefi && domain.passed.is_empty());
}

#[test]
fn what_a_machine_is_given_of_its_host_is_known() {
    let domain = domain(GRAPHICS).unwrap();
    assert!(domain.uefi);
    let mdev = "c2177883-f1bb-47f0-914d-32a22e3a8804";
    let expected = [
        (PassedKind::Pci, "0000:01:00.0"),
        (PassedKind::Mediated, mdev),
        (PassedKind::Usb, "1050:0407"),
        (PassedKind::Folder, "/srv/footage"),
    ];
    assert_eq!(passed_to(&domain), expected);
    assert_eq!(domain.nics[0].source.as_deref(), Some("0000:03:10.1"));
    let disks: Vec<_> = domain.disks.iter().map(|d| (d.kind.as_str(), d.source.as_deref().unwrap())).collect();
    assert_eq!(disks, [("nvme", "0000:02:00.0"), ("network", "images/netboot.iso")]);
}

#[test]
fn windows_11_has_a_tpm_uefi_and_redirected_ports() {
    let domain = domain(WINDOWS).unwrap();
    assert!(domain.uefi);
    assert_eq!((domain.os.as_deref(), domain.metadata_name.as_deref()), (Some("win11"), None));
    let expected = [(PassedKind::Tpm, "2.0"), (PassedKind::Redirected, "usb"), (PassedKind::Redirected, "usb")];
    assert_eq!(passed_to(&domain), expected);
    assert_eq!(domain.disks[0].volume, Some(("default".to_owned(), "win11.qcow2".to_owned())));
}

#[test]
fn broken_deep_and_empty_documents_are_errors_and_not_panics() {
    let deep = "<a>".repeat(10_000);
    for bad in ["", "   ", "<domain>", "<domain></a>", "</a>", "<a b=>", "&x;", "<domain/>", deep.as_str()] {
        assert!(domain(bad).is_err(), "{bad:.40}");
    }
}
