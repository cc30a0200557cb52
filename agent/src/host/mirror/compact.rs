//! How much room a machine takes in the mirror.

use crate::host::{Disk, Machine, Nic, Snapshot};

/// Gives back what readers and parsers left over: with thousands of machines, spare capacity is most of the memory.
pub fn compact(machine: &mut Machine) {
    let Machine { id, name, title, description, metadata_name, disks, nics, passed, snapshots, os, .. } = machine;
    id.hypervisor.shrink_to_fit();
    name.shrink_to_fit();
    disks.shrink_to_fit();
    nics.shrink_to_fit();
    passed.shrink_to_fit();
    snapshots.shrink_to_fit();
    for text in [title, description, metadata_name, os].into_iter().flatten() {
        text.shrink_to_fit();
    }
    for Disk { target, device, kind, protocol, source, volume, format, bus, readonly: _, shared: _ } in disks {
        [target, device, kind, format, bus].into_iter().for_each(String::shrink_to_fit);
        for text in [protocol, source].into_iter().flatten() {
            text.shrink_to_fit();
        }
        if let Some((pool, volume)) = volume {
            [pool, volume].into_iter().for_each(String::shrink_to_fit);
        }
    }
    for Nic { mac, kind, source, model } in nics {
        kind.shrink_to_fit();
        for text in [mac, source, model].into_iter().flatten() {
            text.shrink_to_fit();
        }
    }
    for Snapshot { name, .. } in snapshots {
        name.shrink_to_fit();
    }
}
