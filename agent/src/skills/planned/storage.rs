//! Planned: disks, discs, pools, volumes, snapshots by rule, backups.

use dialogue::spec::Category::Storage;
use dialogue::spec::Danger::{Destructive, Disruptive, Read, Reversible};
use dialogue::spec::{Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ABOUT, DISK, FORMAT, HOST, M, MACHINE, allocating, planned};

/// An existing pool.
const POOL: Slot = Slot::required("pool", Kind::Name(Of::Pool));
/// A pool that narrows what is shown or says where.
const IN_POOL: Slot = Slot::optional("pool", Kind::Name(Of::Pool));
/// An installation image.
const ISO: Slot = Slot::required("iso", Kind::Name(Of::Iso));
/// How many are kept.
const KEEP: Slot = Slot::optional("keep", Kind::Count);
/// How often.
const EVERY: Slot = Slot::optional("every", Kind::Recurrence);

/// Storage.
pub(super) static PLANNED: &[Spec] = &[
    allocating(planned("backup.create", Storage, MACHINE, Reversible, &[M])),
    planned("backup.list", Storage, MACHINE, Read, &[ABOUT]),
    planned(
        "backup.restore",
        Storage,
        MACHINE,
        Destructive,
        &[
            M,
            // No kind of name of its own yet: backups are named like snapshots.
            Slot::optional("backup", Kind::Name(Of::Snapshot)),
        ],
    ),
    allocating(planned("backup.schedule", Storage, MACHINE, Reversible, &[M, EVERY, KEEP])),
    planned("cdrom.eject", Storage, MACHINE, Disruptive, &[M, Slot::optional("iso", Kind::Name(Of::Iso))]),
    planned("cdrom.insert", Storage, MACHINE, Disruptive, &[M, ISO]),
    planned("disk.attach", Storage, MACHINE, Reversible, &[M, DISK, Slot::optional("target", Kind::NewName(Of::Disk))]),
    planned("disk.convert", Storage, MACHINE, Disruptive, &[M, DISK, Slot::required("format", FORMAT)]),
    planned("disk.delete", Storage, MACHINE, Destructive, &[M, DISK]),
    planned("disk.detach", Storage, MACHINE, Disruptive, &[M, DISK]),
    planned("disk.rename", Storage, MACHINE, Disruptive, &[M, DISK, Slot::required("name", Kind::NewName(Of::Disk))]),
    planned("disk.resize", Storage, MACHINE, Disruptive, &[M, DISK, Slot::required("size", Kind::SizeChange)]),
    planned("iso.list", Storage, MACHINE, Read, &[Slot::optional("iso", Kind::Name(Of::Iso)), IN_POOL]),
    allocating(planned(
        "iso.upload",
        Storage,
        HOST,
        Reversible,
        &[Slot::required("url", Kind::Text), Slot::optional("iso", Kind::Name(Of::Iso)), IN_POOL],
    )),
    planned(
        "pool.create",
        Storage,
        HOST,
        Reversible,
        &[
            Slot::required("name", Kind::NewName(Of::Pool)),
            Slot::required("type", Kind::Choice(&["dir", "nfs", "lvm", "zfs", "iscsi", "ceph"])),
            Slot::required("path", Kind::Text),
        ],
    ),
    planned("pool.delete", Storage, HOST, Destructive, &[POOL]),
    planned("pool.info", Storage, MACHINE, Read, &[POOL]),
    planned("pool.refresh", Storage, HOST, Read, &[IN_POOL]),
    planned("pool.start", Storage, HOST, Reversible, &[POOL]),
    planned("pool.stop", Storage, HOST, Disruptive, &[POOL]),
    planned("snapshot.policy", Storage, MACHINE, Reversible, &[M, KEEP, EVERY]),
    planned("volume.delete", Storage, HOST, Destructive, &[Slot::required("volume", Kind::Name(Of::Volume)), IN_POOL]),
    planned("volume.list", Storage, HOST, Read, &[IN_POOL]),
];
