//! What every host must do alike.

use agent::host::{EventKind, Feature, HostErrorKind as Error, MachineId, State};
use agent::ops::{self, Op};
use anyhow::{Context, Result, ensure};
use grammar::size::Bytes;

use crate::subject::{HV, Kind, SSD, Subject};

const MIB: u64 = 1 << 20;

/// Start, pause, resume, reboot, reset, shut down, force off: each from its states only, each told once, by its right name.
pub fn power(on: &mut Subject) -> Result<()> {
    let machine = on.web1.clone();
    let op = |make: fn(MachineId) -> Op| make(machine.clone());
    let start: fn(MachineId) -> Op = |machine| ops::Start { machine }.into();
    let shutdown: fn(MachineId) -> Op = |machine| ops::Shutdown { machine }.into();
    let force_off: fn(MachineId) -> Op = |machine| ops::ForceOff { machine }.into();
    let pause: fn(MachineId) -> Op = |machine| ops::Pause { machine }.into();
    let resume: fn(MachineId) -> Op = |machine| ops::Resume { machine }.into();
    let reboot: fn(MachineId) -> Op = |machine| ops::Reboot { machine }.into();
    let reset: fn(MachineId) -> Op = |machine| ops::Reset { machine }.into();

    for make in [shutdown, force_off, pause, resume, reboot, reset] {
        on.refused(op(make), Error::WrongState)?;
    }
    on.apply(op(start))?;
    on.hear_state(&machine, EventKind::Started, State::Running)?;
    on.refused(op(start), Error::WrongState)?;
    on.refused(op(resume), Error::WrongState)?;

    on.apply(op(pause))?;
    on.hear_state(&machine, EventKind::Paused, State::Paused)?;
    on.refused(op(pause), Error::WrongState)?;
    on.apply(op(resume))?;
    on.hear_state(&machine, EventKind::Resumed, State::Running)?;
    on.wait_up("web1", 1)?;

    let stats = on.host.stats(&machine)?;
    ensure!(stats.cpu_percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)), "{stats:?}");
    if on.kind == Kind::Qemu {
        ensure!(stats.cpu_percent.is_some() && stats.disk_bytes.is_some(), "{stats:?}");
    }

    // The test driver tells of no reboot.
    on.apply(op(reboot))?;
    if on.kind != Kind::TestDriver {
        on.hear_state(&machine, EventKind::Rebooted, State::Running)?;
    }
    on.wait_up("web1", 2)?;
    on.apply(op(reset))?;
    if on.kind != Kind::TestDriver {
        on.hear_state(&machine, EventKind::Rebooted, State::Running)?;
    }
    on.wait_up("web1", 3)?;

    on.apply(op(shutdown))?;
    on.hear_state(&machine, EventKind::ShutDown, State::Off)?;
    on.apply(op(start))?;
    on.hear_state(&machine, EventKind::Started, State::Running)?;
    on.apply(op(force_off))?;
    on.hear_state(&machine, EventKind::ForcedOff, State::Off)?;
    let refused = on.host.stats(&machine).err().context("statistics of a machine that is off")?;
    ensure!(refused.kind == Error::WrongState, "{refused:?}");
    Ok(())
}

/// Its memory is kept while it is off, running and paused alike; the next start goes on from there, and then nothing is kept any more.
pub fn saving(on: &mut Subject) -> Result<()> {
    let machine = on.web1.clone();
    let save = || ops::Save { machine: machine.clone() };
    on.refused(save(), Error::WrongState)?;
    on.apply(ops::Start { machine: machine.clone() })?;
    on.hear_state(&machine, EventKind::Started, State::Running)?;
    on.wait_up("web1", 1)?;
    for paused in [false, true] {
        // The test driver forgets that it was paused.
        if paused && on.kind != Kind::TestDriver {
            on.apply(ops::Pause { machine: machine.clone() })?;
            on.hear_state(&machine, EventKind::Paused, State::Paused)?;
        }
        on.apply(save())?;
        on.hear_state(&machine, EventKind::Saved, State::Off)?;
        ensure!(on.machine(&machine)?.saved, "nothing is said to be kept");
        on.apply(ops::Start { machine: machine.clone() })?;
        on.hear_restored(&machine, paused)?;
        ensure!(!on.machine(&machine)?.saved, "what was kept is used up");
    }
    Ok(())
}

/// Taken while off and while running, listed oldest first, gone back to, deleted; never mentioned as a pause.
pub fn snapshots(on: &mut Subject) -> Result<()> {
    let machine = on.web1.clone();
    let create = |name: &str| ops::CreateSnapshot { machine: machine.clone(), name: name.to_owned() };
    let revert = |name: &str| ops::RevertSnapshot { machine: machine.clone(), name: name.to_owned() };
    let delete = |name: &str| ops::DeleteSnapshot { machine: machine.clone(), name: name.to_owned() };
    let names = |on: &Subject| -> Result<Vec<String>> {
        Ok(on.machine(&machine)?.snapshots.iter().map(|snapshot| snapshot.name.clone()).collect())
    };
    for found in names(on)? {
        on.apply(delete(&found))?;
    }

    on.apply(create("clean"))?;
    on.refused(create("clean"), Error::Exists)?;
    for bad in ["../clean", "a/b", "", "line\nbreak", "a\"b"] {
        on.refused(create(bad), Error::Failed)?;
    }
    on.apply(ops::Start { machine: machine.clone() })?;
    on.hear(&machine, EventKind::Started)?;
    on.wait_up("web1", 1)?;
    let odd = "a&b <c> 'd'";
    on.apply(create(odd))?;
    ensure!(names(on)? == ["clean", odd], "{:?}", names(on)?);
    let now = on.machine(&machine)?;
    ensure!(now.snapshots[0].state == State::Off && now.snapshots[1].state == State::Running, "{:?}", now.snapshots);
    ensure!(now.snapshots[1].current && !now.snapshots[0].current, "{:?}", now.snapshots);

    on.refused(revert("never"), Error::NotFound)?;
    on.apply(revert("clean"))?;
    on.hear_state(&machine, EventKind::Reverted, State::Off)?;
    on.apply(revert(odd))?;
    on.hear_state(&machine, EventKind::Reverted, State::Running)?;
    on.apply(revert(odd))?;
    on.hear(&machine, EventKind::Reverted)?;

    on.refused(delete("never"), Error::NotFound)?;
    on.apply(delete(odd))?;
    ensure!(names(on)? == ["clean"], "{:?}", names(on)?);
    on.apply(delete("clean"))?;
    ensure!(names(on)?.is_empty(), "{:?}", names(on)?);
    on.apply(ops::ForceOff { machine: machine.clone() })?;
    on.hear_state(&machine, EventKind::ForcedOff, State::Off)
}

/// A disk goes to another pool while its machine is off, and back while it runs; its old volume goes only when it is used no more.
pub fn moving(on: &mut Subject) -> Result<()> {
    if !on.host.can(HV, Feature::BlockJobs) {
        return Ok(());
    }
    let (machine, volume, format) = (on.web1.clone(), "web1.qcow2".to_owned(), "qcow2".to_owned());
    let capacity = on.host.disk_use(&machine, "vda")?.capacity;
    let place = |pool: &str| (pool.to_owned(), "web1.qcow2".to_owned());
    let is_at = |on: &Subject, pool: &str| -> Result<()> {
        let now = on.machine(&machine)?;
        ensure!(now.disks[0].volume == Some(place(pool)), "{:?}", now.disks);
        let other = if pool == SSD { "default" } else { SSD };
        ensure!(!on.host.volumes(HV, other)?.iter().any(|known| known.name == "web1.qcow2"), "it is left in {other}");
        Ok(())
    };
    let copy = |from: &str, to: &str| ops::CopyVolume {
        hypervisor: HV.to_owned(),
        from_pool: from.to_owned(),
        from: volume.clone(),
        pool: to.to_owned(),
        name: volume.clone(),
        format: format.clone(),
    };
    let target = || "vda".to_owned();
    let point = |pool: &str| ops::PointDisk {
        machine: machine.clone(),
        target: target(),
        pool: pool.to_owned(),
        volume: volume.clone(),
        format: format.clone(),
    };
    let mirror = |pool: &str| ops::MirrorDisk {
        machine: machine.clone(),
        target: target(),
        pool: pool.to_owned(),
        volume: volume.clone(),
        format: format.clone(),
    };
    let drop_moved = |from: &str, to: &str| ops::DropMoved {
        machine: machine.clone(),
        target: target(),
        pool: from.to_owned(),
        name: volume.clone(),
        now_at: place(to),
    };

    on.refused(mirror(SSD), Error::WrongState)?;
    on.apply(copy("default", SSD))?;
    on.refused(copy("default", SSD), Error::Exists)?;
    on.refused(drop_moved("default", SSD), Error::WrongState)?;
    on.apply(point(SSD))?;
    on.apply(drop_moved("default", SSD))?;
    is_at(on, SSD)?;

    on.apply(ops::Start { machine: machine.clone() })?;
    on.hear_state(&machine, EventKind::Started, State::Running)?;
    on.wait_up("web1", 1)?;
    on.refused(point("default"), Error::WrongState)?;
    on.apply(ops::CreateVolume {
        hypervisor: HV.to_owned(),
        pool: "default".to_owned(),
        name: volume.clone(),
        format: format.clone(),
        capacity,
    })?;
    on.apply(mirror("default"))?;
    on.apply(drop_moved(SSD, "default"))?;
    is_at(on, "default")?;
    ensure!(on.machine(&machine)?.state == State::Running, "it went on meanwhile");
    on.apply(ops::ForceOff { machine: machine.clone() })?;
    on.hear_state(&machine, EventKind::ForcedOff, State::Off)?;
    is_at(on, "default")
}

/// A second machine is made of one that is off and, where the host can, of one that runs; the first stays as it is, and the second goes again.
pub fn cloning(on: &mut Subject) -> Result<()> {
    let machine = on.web1.clone();
    let volume = |name: &str| ("default".to_owned(), name.to_owned());
    let create = |name: &str, capacity| ops::CreateVolume {
        hypervisor: HV.to_owned(),
        pool: "default".to_owned(),
        name: name.to_owned(),
        format: "qcow2".to_owned(),
        capacity,
    };
    let disks = |volume: &str| {
        let (target, pool, format) = ("vda".to_owned(), "default".to_owned(), "qcow2".to_owned());
        vec![ops::ClonedDisk { target, pool, volume: volume.to_owned(), format }]
    };
    let copy = |to: &str| ops::CopyVolume {
        hypervisor: HV.to_owned(),
        from_pool: "default".to_owned(),
        from: "web1.qcow2".to_owned(),
        pool: "default".to_owned(),
        name: to.to_owned(),
        format: "qcow2".to_owned(),
    };
    let define = |name: &str, volume: &str, live: bool| ops::DefineClone {
        machine: machine.clone(),
        name: name.to_owned(),
        disks: disks(volume),
        live,
    };
    let named = |on: &Subject, name: &str| -> Result<MachineId> {
        Ok(on.host.named(name).first().with_context(|| format!("no {name}"))?.id.clone())
    };
    if on.kind == Kind::TestDriver {
        on.apply(create("web1.qcow2", Bytes(32 * MIB)))?;
    }
    if let Some(session) = &on.session {
        session.fill_disk("web1", 8)?;
    }
    let before = on.machine(&machine)?;
    let stays = |on: &Subject| -> Result<()> {
        let now = on.machine(&machine)?;
        ensure!(now.disks[0].source == before.disks[0].source, "{:?}", now.disks);
        Ok(())
    };

    on.refused(define("twin", "twin.qcow2", false), Error::NotFound)?;
    on.apply(copy("twin.qcow2"))?;
    on.refused(define("../twin", "twin.qcow2", false), Error::Failed)?;
    on.refused(define("db1", "twin.qcow2", false), Error::Exists)?;
    on.refused(define("twin", "web1.qcow2", false), Error::Busy)?;
    let without = ops::DefineClone { disks: Vec::new(), ..define("twin", "", false) };
    on.refused(without, Error::Unsupported)?;
    on.apply(define("twin", "twin.qcow2", false))?;
    let twin = named(on, "twin")?;
    on.hear(&twin, EventKind::Defined)?;
    let made = on.machine(&twin)?;
    ensure!(made.state == State::Off && !made.autostart && made.persistent, "{made:?}");
    ensure!(made.disks[0].volume == Some(volume("twin.qcow2")), "{:?}", made.disks);
    ensure!(made.memory == before.memory && made.os == before.os && made.id != before.id, "{made:?}");
    same(on, "twin.qcow2")?;
    on.apply(ops::Start { machine: twin.clone() })?;
    on.hear_state(&twin, EventKind::Started, State::Running)?;
    let undefine = |name: &str, unused| ops::Undefine { machine: twin.clone(), volumes: vec![volume(name)], unused };
    on.refused(undefine("twin.qcow2", false), Error::WrongState)?;
    on.apply(ops::ForceOff { machine: twin.clone() })?;
    on.hear_state(&twin, EventKind::ForcedOff, State::Off)?;
    on.refused(undefine("web1.qcow2", false), Error::WrongState)?;
    on.refused(undefine("twin.qcow2", true), Error::WrongState)?;
    on.apply(undefine("twin.qcow2", false))?;
    on.hear(&twin, EventKind::Undefined)?;
    ensure!(on.host.machine(&twin).is_none(), "it is gone");
    stays(on)?;
    if !on.host.can(HV, Feature::BlockJobs) {
        return Ok(());
    }

    let second = ops::ClonedDisk { target: "vdb".to_owned(), ..disks("live-vdb.qcow2").remove(0) };
    let both = || [disks("live.qcow2"), vec![second.clone()]].concat();
    let copy_disks = || ops::CopyDisks { machine: machine.clone(), disks: both() };
    on.refused(copy_disks(), Error::WrongState)?;
    on.apply(ops::Start { machine: machine.clone() })?;
    on.hear_state(&machine, EventKind::Started, State::Running)?;
    on.wait_up("web1", 1)?;
    on.refused(define("twin", "twin.qcow2", false), Error::WrongState)?;
    on.apply(create("more.qcow2", Bytes(32 * MIB)))?;
    on.apply(ops::AttachDisk {
        machine: machine.clone(),
        pool: "default".to_owned(),
        volume: "more.qcow2".to_owned(),
        format: "qcow2".to_owned(),
        target: "vdb".to_owned(),
    })?;
    on.hear(&machine, EventKind::DeviceAdded)?;
    on.apply(create("live.qcow2", on.host.disk_use(&machine, "vda")?.capacity))?;
    on.apply(create("live-vdb.qcow2", Bytes(32 * MIB)))?;
    // That the guest stands still for a moment is no news.
    on.apply(copy_disks())?;
    on.refused(define("live", "live.qcow2", true), Error::Unsupported)?;
    on.apply(ops::DefineClone { disks: both(), ..define("live", "", true) })?;
    let live = named(on, "live")?;
    on.hear(&live, EventKind::Defined)?;
    ensure!(on.machine(&machine)?.state == State::Running, "it went on meanwhile");
    stays(on)?;
    on.apply(ops::Start { machine: live.clone() })?;
    on.hear_state(&live, EventKind::Started, State::Running)?;
    for id in [&live, &machine] {
        on.apply(ops::ForceOff { machine: id.clone() })?;
        on.hear_state(id, EventKind::ForcedOff, State::Off)?;
    }
    same(on, "live.qcow2")
}

/// The disk of web1 and its copy hold the same, where they hold anything.
fn same(on: &Subject, copy: &str) -> Result<()> {
    let Some(session) = &on.session else { return Ok(()) };
    let pool = session.path("pool");
    let compared = std::process::Command::new("qemu-img")
        .args(["compare", "-q", "-f", "qcow2", "-F", "qcow2"])
        .args([pool.join("web1.qcow2"), pool.join(copy)])
        .status()?;
    ensure!(compared.success(), "{copy} is not what web1's disk is");
    Ok(())
}

/// A volume is made, attached while the machine runs and while it is off, guarded while in use, detached, deleted.
pub fn disks(on: &mut Subject) -> Result<()> {
    let machine = on.web1.clone();
    let volume = |name: &str, format: &str| ops::CreateVolume {
        hypervisor: HV.to_owned(),
        pool: "default".to_owned(),
        name: name.to_owned(),
        format: format.to_owned(),
        capacity: Bytes(32 * MIB),
    };
    let delete =
        |name: &str| ops::DeleteVolume { hypervisor: HV.to_owned(), pool: "default".to_owned(), name: name.to_owned() };
    let attach = |to: &MachineId, volume: &str, target: &str| ops::AttachDisk {
        machine: to.clone(),
        pool: "default".to_owned(),
        volume: volume.to_owned(),
        format: "qcow2".to_owned(),
        target: target.to_owned(),
    };
    let detach = |target: &str| ops::DetachDisk { machine: machine.clone(), target: target.to_owned() };

    on.apply(volume("data.qcow2", "qcow2"))?;
    on.refused(volume("data.qcow2", "qcow2"), Error::Exists)?;
    on.refused(volume("../data", "qcow2"), Error::Failed)?;
    on.refused(volume("data.vmdk", "vmdk"), Error::Unsupported)?;
    let volumes = on.host.volumes(HV, "default")?;
    let made = volumes.iter().find(|volume| volume.name == "data.qcow2").context("not listed")?;
    ensure!(made.capacity == Bytes(32 * MIB), "{made:?}");
    let pool = on.host.pools(HV).into_iter().next().context("no pool")?;
    ensure!(pool.name == "default" && pool.active && pool.available <= pool.capacity, "{pool:?}");

    if !on.host.can(HV, Feature::DeviceAttach) {
        on.refused(attach(&machine, "data.qcow2", "vdb"), Error::Unsupported)?;
        on.apply(delete("data.qcow2"))?;
        return on.refused(delete("data.qcow2"), Error::NotFound);
    }

    let targets = |on: &Subject| -> Result<Vec<String>> {
        Ok(on.machine(&machine)?.disks.iter().map(|disk| disk.target.clone()).collect())
    };
    on.apply(attach(&machine, "data.qcow2", "vdb"))?;
    ensure!(targets(on)? == ["vda", "vdb"], "attached while off: {:?}", targets(on)?);
    let disk = on.machine(&machine)?.disks[1].clone();
    ensure!(disk.volume == Some(("default".to_owned(), "data.qcow2".to_owned())) && disk.format == "qcow2", "{disk:?}");
    on.refused(attach(&machine, "data.qcow2", "vdc"), Error::Busy)?;
    on.refused(attach(&on.db1, "data.qcow2", "vdb"), Error::Busy)?;
    on.refused(delete("data.qcow2"), Error::Busy)?;
    on.apply(detach("vdb"))?;
    ensure!(targets(on)? == ["vda"], "detached while off");
    on.refused(detach("vdb"), Error::NotFound)?;

    on.apply(ops::Start { machine: machine.clone() })?;
    on.hear(&machine, EventKind::Started)?;
    on.wait_up("web1", 1)?;
    on.refused(attach(&machine, "data.qcow2", "vda"), Error::Exists)?;
    on.refused(attach(&machine, "data.qcow2", "../x"), Error::Failed)?;
    on.apply(attach(&machine, "data.qcow2", "vdb"))?;
    on.hear(&machine, EventKind::DeviceAdded)?;
    ensure!(targets(on)? == ["vda", "vdb"], "attached while running: {:?}", targets(on)?);
    ensure!(on.host.disk_use(&machine, "vdb")?.capacity == Bytes(32 * MIB), "{:?}", on.host.disk_use(&machine, "vdb"));
    on.apply(detach("vdb"))?;
    on.hear(&machine, EventKind::DeviceRemoved)?;
    ensure!(targets(on)? == ["vda"], "detached while running: {:?}", targets(on)?);
    on.apply(delete("data.qcow2"))?;
    on.refused(delete("data.qcow2"), Error::NotFound)?;

    if let Some(session) = &on.session {
        hostile_images(on, session.path("pool").as_path())?;
    }
    Ok(())
}

/// Images that reach for files of the host, and raw disks before a snapshot.
fn hostile_images(on: &Subject, pool: &std::path::Path) -> Result<()> {
    let session = on.session.as_ref().context("real guests only")?;
    let mut header = vec![0u8; 64 << 10];
    header[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    header[79] = 0b100; // incompatible feature: external data file
    std::fs::write(pool.join("external.qcow2"), &header)?;
    std::fs::write(pool.join("plain.qcow2"), "root:x:0:0:")?;
    let backed = pool.join("backed.qcow2").display().to_string();
    let made = std::process::Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", &backed])
        .status()?;
    ensure!(made.success(), "qemu-img");
    session.virsh(&["pool-refresh", "default"])?;
    let attach = |volume: &str, format: &str| ops::AttachDisk {
        machine: on.web1.clone(),
        pool: "default".to_owned(),
        volume: volume.to_owned(),
        format: format.to_owned(),
        target: "vdd".to_owned(),
    };
    for (volume, format, kind) in [
        ("backed.qcow2", "qcow2", Error::Denied),
        ("external.qcow2", "qcow2", Error::Denied),
        ("plain.qcow2", "qcow2", Error::Failed),
        ("plain.qcow2", "vmdk", Error::Unsupported),
    ] {
        // One that libvirt itself can't read is not in the pool at all.
        let listed = on.host.volumes(HV, "default")?.iter().any(|known| known.name == volume);
        on.refused(attach(volume, format), if listed { kind } else { Error::NotFound })?;
    }
    let raw = ops::CreateVolume {
        hypervisor: HV.to_owned(),
        pool: "default".to_owned(),
        name: "raw.img".to_owned(),
        format: "raw".to_owned(),
        capacity: Bytes(MIB),
    };
    on.apply(raw)?;
    on.apply(attach("raw.img", "raw"))?;
    on.refused(ops::CreateSnapshot { machine: on.web1.clone(), name: "x".to_owned() }, Error::Unsupported)
}

/// Machines, pools, volumes, snapshots and disks that are not there.
pub fn missing(on: &mut Subject) -> Result<()> {
    let nobody = MachineId { uuid: "deadbeef-0000-4000-8000-000000000000".parse()?, ..on.web1.clone() };
    let nowhere = MachineId { hypervisor: "hv9".to_owned(), ..on.web1.clone() };
    ensure!(on.host.machine(&nobody).is_none(), "{nobody}");
    ensure!(on.host.machine(&nowhere).is_some_and(|machine| machine.id.hypervisor == HV), "it is where it is");
    for machine in [nobody, nowhere] {
        on.refused(ops::Start { machine: machine.clone() }, Error::NotFound)?;
        let refused = on.host.stats(&machine).err().context("statistics of nobody")?;
        ensure!(refused.kind == Error::NotFound, "{refused:?}");
    }
    let delete = |pool: &str, name: &str| ops::DeleteVolume {
        hypervisor: HV.to_owned(),
        pool: pool.to_owned(),
        name: name.to_owned(),
    };
    on.refused(delete("default", "never.qcow2"), Error::NotFound)?;
    on.refused(delete("never", "x"), Error::NotFound)?;
    let refused = on.host.volumes(HV, "never").err().context("volumes of no pool")?;
    ensure!(refused.kind == Error::NotFound, "{refused:?}");
    let refused = on.host.disk_use(&on.web1, "vdz").err().context("use of no disk")?;
    ensure!(refused.kind == Error::NotFound, "{refused:?}");
    let info = on.host.host_info(HV)?;
    ensure!(info.cpus > 0 && info.memory.0 > 0 && !info.driver.is_empty(), "{info:?}");
    Ok(())
}
