//! A volume that anybody on its host uses, in whatever way, is not deleted; who uses it is said; what can't be proved is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use agent::host::fake::Fake;
use agent::host::libvirt::Timeouts;
use agent::host::names::{Thing, check};
use agent::host::{HostErrorKind, HostRead, HostWrite, Pool, Unseen, Use, UsedAs, Uses};
use agent::ops::{self, Op};
use anyhow::{Context, Result, bail, ensure};
use grammar::size::Bytes;
use jiff::Timestamp;
use tests::guest::Session;

use crate::subject::{HV, bridge, chain};

/// A case and its name.
type Case = (&'static str, fn() -> Result<()>);

/// Of each host, its own ways.
pub const CASES: [Case; 6] = [
    ("qemu::a_name_that_is_allowed_is_had_exactly", names_are_exact),
    ("qemu::what_keeps_a_machine_from_starting_is_known", known_reasons),
    ("fake::a_volume_that_anybody_uses_is_not_deleted", fake),
    ("test_driver::a_volume_that_anybody_uses_is_not_deleted", test_driver),
    ("qemu::a_volume_that_anybody_uses_is_not_deleted", qemu),
    ("qemu::a_volume_of_which_nobody_can_say_who_uses_it_is_not_deleted", unseen),
];

fn delete(volume: &str) -> Op {
    ops::DeleteVolume { hypervisor: HV.to_owned(), pool: "default".to_owned(), name: volume.to_owned() }.into()
}

/// Deleting it must be refused with that sentence, which must name that user.
fn stays(host: &dyn HostWrite, volume: &str, sentence: &str, user: &str) -> Result<()> {
    let error = match host.apply(&delete(volume)) {
        Ok(()) => bail!("{volume} was deleted and should be {sentence} by {user}"),
        Err(error) => error,
    };
    let reason = error.reason.clone().map(|reason| (reason.sentence, reason.values));
    let kind = error.kind;
    let Some((said, values)) = reason else { return Err(chain(error)).with_context(|| volume.to_owned()) };
    ensure!(kind == HostErrorKind::Busy && said == sentence, "{volume}: {said}, should be {sentence}: {values:?}");
    ensure!(values.iter().any(|(_, value)| value == user), "{volume}: {values:?} does not name {user}");
    Ok(())
}

fn fake() -> Result<()> {
    let (fake, _events) = Fake::new("two_vms", Timestamp::now())?;
    let machine = |role| Uses { by: vec![Use::Machine { name: "db1".to_owned(), role }], unseen: Vec::new() };
    let create = |name: &str| ops::CreateVolume {
        hypervisor: HV.to_owned(),
        pool: "default".to_owned(),
        name: name.to_owned(),
        format: "qcow2".to_owned(),
        capacity: Bytes(1 << 30),
    };
    for (name, role, sentence) in [
        ("a.qcow2", UsedAs::Backing, "used_backing"),
        ("b.qcow2", UsedAs::Data, "used_data"),
        ("c.qcow2", UsedAs::Boot, "used_boot"),
        ("d.qcow2", UsedAs::Firmware, "used_firmware"),
        ("e.qcow2", UsedAs::Snapshot("s".to_owned()), "used_snapshot"),
        ("f.qcow2", UsedAs::Saved, "used_saved"),
        ("g.qcow2", UsedAs::Other, "used_other"),
    ] {
        fake.apply(&create(name).into()).map_err(chain)?;
        fake.set_used(HV, "default", name, machine(role));
        stays(&*fake, name, sentence, "db1")?;
    }
    stays(&*fake, "web1.qcow2", "used_disk", "web1")?;
    fake.apply(&create("free.qcow2").into()).map_err(chain)?;
    let uses = Uses { by: Vec::new(), unseen: vec![Unseen::Image("/srv/x.vmdk".to_owned())] };
    fake.set_used(HV, "default", "free.qcow2", uses);
    stays(&*fake, "free.qcow2", "unseen_image", "/srv/x.vmdk")?;
    fake.set_used(HV, "default", "free.qcow2", Uses::default());
    let idle = Pool { name: "idle".to_owned(), active: false, ..fake.pools(HV)[0].clone() };
    fake.add_pool(HV, idle);
    stays(&*fake, "free.qcow2", "unseen_pool", "idle")?;
    fake.set_pool_active(HV, "idle", true);
    fake.apply(&delete("free.qcow2")).map_err(chain)
}

fn test_driver() -> Result<()> {
    let uri = format!("test://{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts/uses.xml").display());
    let (host, _events) = bridge(&[(HV, &uri)], Timeouts::default())?;
    stays(&*host, "web1.qcow2", "used_disk", "web1")?;
    stays(&*host, "db1.qcow2", "used_disk", "db1")?;
    stays(&*host, "disc.iso", "used_drive", "db1")?;
    stays(&*host, "vmlinuz", "used_boot", "web1")?;
    stays(&*host, "base.qcow2", "used_volume", "clone.qcow2")?;
    host.apply(&delete("free.qcow2")).map_err(chain)
}

/// The private session with its pool, and what is put into it.
struct House {
    session: Session,
    pool: String,
}

impl House {
    fn new() -> Result<Self> {
        let session = Session::start()?;
        let pool = session.path("pool").display().to_string();
        Ok(Self { session, pool })
    }

    /// An image beside libvirt's back: the pool has not seen it yet.
    fn image(&self, path: &str, more: &[&str]) -> Result<()> {
        let made =
            Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).args(more).args([path, "1M"]).status()?;
        ensure!(made.success(), "qemu-img {path}");
        Ok(())
    }

    fn in_pool(&self, name: &str) -> String {
        format!("{}/{name}", self.pool)
    }

    /// A machine that is only defined, of these devices and that firmware.
    fn define(&self, name: &str, os: &str, devices: &str, more: &str) -> Result<()> {
        let xml = format!(
            "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>{name}</name>\
             <memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type>{os}</os><features><acpi/></features>\
             <devices>{devices}<controller type='usb' model='none'/></devices>{more}</domain>"
        );
        let file = self.session.path(&format!("{name}.xml"));
        fs::write(&file, xml)?;
        self.session.virsh(&["define", &file.display().to_string()])?;
        Ok(())
    }
}

fn disk(kind: &str, source: &str, format: &str) -> String {
    format!(
        "<disk type='{kind}' device='disk'><driver name='qemu' type='{format}'/><source {source}/>\
         <target dev='vdb' bus='virtio'/></disk>"
    )
}

fn qemu() -> Result<()> {
    let house = House::new()?;
    let in_pool = |name: &str| house.in_pool(name);
    let file = |name: &str| disk("file", &format!("file='{}'", in_pool(name)), "qcow2");
    let outside = |name: &str| house.session.path(name).display().to_string();
    for name in ["base", "template", "deep", "byfile", "bylink", "byvolume", "bytwin", "byarg", "free"] {
        house.image(&in_pool(&format!("{name}.qcow2")), &[])?;
    }
    for name in ["disc.iso", "vmlinuz", "vars.fd", "raw.img"] {
        fs::write(in_pool(name), vec![0; 1 << 16])?;
    }
    // A chain of a machine, one of nobody, and one that leaves the pool and comes back.
    house.image(&in_pool("top.qcow2"), &["-b", "base.qcow2", "-F", "qcow2"])?;
    house.define("chained", "", &file("top.qcow2"), "")?;
    house.image(&in_pool("clone.qcow2"), &["-b", &in_pool("template.qcow2"), "-F", "qcow2"])?;
    house.image(&outside("mid.qcow2"), &["-b", &in_pool("deep.qcow2"), "-F", "qcow2"])?;
    house.image(&outside("high.qcow2"), &["-b", "mid.qcow2", "-F", "qcow2"])?;
    let high = format!("file='{}'", outside("high.qcow2"));
    house.define("outsider", "", &disk("file", &high, "qcow2"), "")?;
    house.image(&in_pool("ext.qcow2"), &["-o", &format!("data_file={}", in_pool("ext.raw"))])?;
    house.define("external", "", &file("ext.qcow2"), "")?;
    // By file, through a link, by volume, by the volume of another pool over the same folder.
    house.define("filed", "", &file("byfile.qcow2"), "")?;
    std::os::unix::fs::symlink(&house.pool, outside("link"))?;
    let linked = format!("file='{}/bylink.qcow2'", outside("link"));
    house.define("linked", "", &disk("file", &linked, "qcow2"), "")?;
    house.define("volumed", "", &disk("volume", "pool='default' volume='byvolume.qcow2'", "qcow2"), "")?;
    house.session.virsh(&["pool-define-as", "twin", "dir", "--target", &outside("link")])?;
    house.session.virsh(&["pool-start", "twin"])?;
    house.define("twinned", "", &disk("volume", "pool='twin' volume='bytwin.qcow2'", "qcow2"), "")?;
    // As anything but a disk.
    let disc = disk("file", &format!("file='{}'", in_pool("disc.iso")), "raw").replace("'disk'", "'cdrom'");
    house.define("disced", "", &disc.replace("vdb", "sda").replace("virtio", "sata"), "")?;
    house.define("booted", &format!("<kernel>{}</kernel>", in_pool("vmlinuz")), "", "")?;
    let flash = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>";
    house.define("flashed", &format!("{flash}<nvram>{}</nvram>", in_pool("vars.fd")), "", "")?;
    let arguments = format!(
        "<qemu:commandline><qemu:arg value='-drive'/><qemu:arg value='file={},if=none,id=x'/></qemu:commandline>",
        in_pool("byarg.qcow2")
    );
    house.define("argued", "", "", &arguments)?;

    let (host, _events) = bridge(&[(HV, &house.session.uri())], Timeouts::default())?;
    for (volume, sentence, user) in [
        ("base.qcow2", "used_backing", "chained"),
        ("template.qcow2", "used_volume", "clone.qcow2"),
        ("deep.qcow2", "used_backing", "outsider"),
        ("ext.raw", "used_data", "external"),
        ("byfile.qcow2", "used_disk", "filed"),
        ("bylink.qcow2", "used_disk", "linked"),
        ("byvolume.qcow2", "used_disk", "volumed"),
        ("bytwin.qcow2", "used_disk", "twinned"),
        ("disc.iso", "used_drive", "disced"),
        ("vmlinuz", "used_boot", "booted"),
        ("vars.fd", "used_firmware", "flashed"),
        ("byarg.qcow2", "used_other", "argued"),
    ] {
        // The pool lists what came behind its back only after the op itself has looked.
        stays(&*host, volume, sentence, user)?;
        ensure!(fs::exists(in_pool(volume))?, "{volume} is gone");
    }
    host.apply(&delete("free.qcow2")).map_err(chain)?;
    ensure!(!fs::exists(in_pool("free.qcow2"))?, "free.qcow2 is still there");
    while_it_runs(&house, &*host)
}

/// What only the running machine, only its next start, its snapshots or its saved state use.
fn while_it_runs(house: &House, host: &dyn HostWrite) -> Result<()> {
    let session = &house.session;
    session.define("web1")?;
    for name in ["live.qcow2", "next.qcow2"] {
        session.virsh(&["vol-create-as", "default", name, "1M", "--format", "qcow2"])?;
    }
    session.virsh(&["start", "web1"])?;
    session.wait_up("web1", 1)?;
    let attach = |name: &str, target: &str, how: &str| {
        let path = house.in_pool(name);
        session.virsh(&["attach-disk", "web1", &path, target, how, "--driver", "qemu", "--subdriver", "qcow2"])
    };
    attach("live.qcow2", "vdb", "--live")?;
    attach("next.qcow2", "vdc", "--config")?;
    stays(host, "live.qcow2", "used_disk", "web1")?;
    stays(host, "next.qcow2", "used_disk", "web1")?;
    let spec = |target: &str, name: &str| format!("{target},file={}", house.in_pool(name));
    let memory = format!("file={}", house.in_pool("s1.mem"));
    session.virsh(&[
        "snapshot-create-as",
        "web1",
        "s1",
        "--memspec",
        &memory,
        "--diskspec",
        &spec("vda", "s1.qcow2"),
        "--diskspec",
        "vdb,snapshot=no",
    ])?;
    stays(host, "web1.qcow2", "used_backing", "web1")?;
    stays(host, "s1.qcow2", "used_disk", "web1")?;
    stays(host, "s1.mem", "used_snapshot", "s1")?;
    // In the saved state there is still the disk that no definition has.
    session.virsh(&["managedsave", "web1"])?;
    session.virsh(&["snapshot-delete", "web1", "s1", "--metadata"])?;
    stays(host, "live.qcow2", "used_saved", "web1")?;
    session.virsh(&["managedsave-remove", "web1"])?;
    host.apply(&delete("live.qcow2")).map_err(chain)
}

fn unseen() -> Result<()> {
    let house = House::new()?;
    house.image(&house.in_pool("free.qcow2"), &[])?;
    let idle = house.session.path("idle").display().to_string();
    house.session.virsh(&["pool-define-as", "idle", "dir", "--target", &idle])?;
    let (host, _events) = bridge(&[(HV, &house.session.uri())], Timeouts::default())?;
    stays(&*host, "free.qcow2", "unseen_pool", "idle")?;
    house.session.virsh(&["pool-undefine", "idle"])?;
    // An image of a kind that may stand on others, which Atoll can't read.
    let foreign = house.session.path("foreign.vmdk").display().to_string();
    fs::write(&foreign, "# Disk DescriptorFile\nparentFileNameHint=\"free.qcow2\"\n")?;
    house.define("foreign", "", &disk("file", &format!("file='{foreign}'"), "vmdk"), "")?;
    stays(&*host, "free.qcow2", "unseen_image", &foreign)?;
    house.session.virsh(&["undefine", "foreign"])?;
    host.apply(&delete("free.qcow2")).map_err(chain)
}

/// Whatever the check of names lets pass, QEMU and libvirt keep as it is: as a snapshot, off, and as a volume.
fn names_are_exact() -> Result<()> {
    let house = House::new()?;
    house.session.define("web1")?;
    let (host, _events) = bridge(&[(HV, &house.session.uri())], Timeouts::default())?;
    let machine = host.machines().first().context("no machine")?.id.clone();
    let most = Thing::Snapshot.most();
    let long = "n".repeat(most);
    for name in [
        "it's",
        "a&b <c>",
        "x=y(2)",
        "o”brien",
        "日本 語",
        "👍",
        "v2;rm -rf",
        "$HOME `id`",
        "a%s%n",
        "1.0",
        long.as_str(),
    ] {
        ensure!(check(Thing::Snapshot, name).is_ok() && check(Thing::Volume, name).is_ok(), "{name}");
        let create = Op::from(ops::CreateSnapshot { machine: machine.clone(), name: name.to_owned() });
        host.apply(&create).map_err(chain).with_context(|| name.to_owned())?;
        let kept = host.machine(&machine).context("gone")?;
        ensure!(kept.snapshots.iter().any(|snapshot| snapshot.name == name), "{name}: {:?}", kept.snapshots);
        host.apply(&ops::DeleteSnapshot { machine: machine.clone(), name: name.to_owned() }.into()).map_err(chain)?;
        ensure!(host.machine(&machine).is_some_and(|kept| kept.snapshots.is_empty()), "{name} is still there");
        let (hypervisor, pool) = (HV.to_owned(), "default".to_owned());
        let (format, capacity) = ("qcow2".to_owned(), Bytes(1 << 20));
        let volume = Op::from(ops::CreateVolume { hypervisor, pool, name: name.to_owned(), format, capacity });
        host.apply(&volume).map_err(chain).with_context(|| name.to_owned())?;
        ensure!(host.volumes(HV, "default").map_err(chain)?.iter().any(|volume| volume.name == name), "{name}");
        host.apply(&delete(name)).map_err(chain)?;
    }
    Ok(())
}

/// What real machines fail of at their start is recognised, with the name of what is missing.
fn known_reasons() -> Result<()> {
    let house = House::new()?;
    let nowhere = house.in_pool("never.qcow2");
    house.define("filed", "", &disk("file", &format!("file='{nowhere}'"), "qcow2"), "")?;
    house.define("volumed", "", &disk("volume", "pool='default' volume='never.qcow2'", "qcow2"), "")?;
    house.define("wired", "", "<interface type='network'><source network='never'/></interface>", "")?;
    house.define("booted", "<kernel>/nowhere/vmlinuz</kernel>", "", "")?;
    let (host, _events) = bridge(&[(HV, &house.session.uri())], Timeouts::default())?;
    for (name, sentence, value) in [
        ("filed", "missing_file", nowhere.as_str()),
        ("volumed", "missing_volume", "never.qcow2"),
        ("wired", "missing_network", "never"),
        ("booted", "missing_file", "/nowhere/vmlinuz"),
    ] {
        let machine = host.named(name).first().context("no machine")?.id.clone();
        let error = host.apply(&ops::Start { machine }.into()).err().with_context(|| format!("{name} started"))?;
        let reason = error.reason.clone().with_context(|| format!("{name}: {error:?}"))?;
        let values: Vec<&str> = reason.values.iter().map(|(_, value)| value.as_str()).collect();
        ensure!(reason.sentence == sentence && values == [value], "{name}: {reason:?}");
    }
    Ok(())
}
