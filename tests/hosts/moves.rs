//! Machines that go from one hypervisor to another: two real daemons, each with an identity and a pool of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent::host::libvirt::{Bridge, Timeouts};
use agent::host::{EventKind, HostError, HostEvent, HostRead, HostWrite, MachineId, State};
use agent::ops::{self, Copied, Op};
use anyhow::{Context, Result, ensure};
use tests::guest::{PATIENCE, Session, wait_for};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::subject::{HV, bridge, next};

type Case = (&'static str, fn() -> Result<()>);

pub const CASES: [Case; 6] = [
    ("qemu::a_machine_goes_to_another_host_and_back_while_it_goes_on", live),
    ("qemu::a_machine_that_is_off_goes_to_another_host_with_what_its_disk_holds", off),
    ("qemu::a_move_that_is_stopped_leaves_the_machine_where_it_was_and_nothing_behind", stopped),
    ("qemu::a_move_that_breaks_leaves_the_machine_where_it_was_and_nothing_behind", broken),
    ("qemu::one_that_others_move_is_never_away_and_told_once", moved_by_others),
    ("qemu::one_that_runs_on_two_hosts_is_told_once", runs_twice),
];

/// The other hypervisor.
const OTHER: &str = "hv2";

struct Pair {
    here: Session,
    there: Session,
    bridge: Arc<Bridge>,
    events: UnboundedReceiver<HostEvent>,
    web1: MachineId,
}

impl Pair {
    /// web1 runs on the first of two hypervisors.
    fn start() -> Result<Self> {
        Self::start_with(0, 0)
    }

    /// The same, with so many MiB on its disk, of which so many are moved in a second.
    fn start_with(filled: usize, copy_bandwidth: u64) -> Result<Self> {
        let (here, there) = (Session::start()?, Session::start()?);
        here.define("web1")?;
        if filled > 0 {
            here.fill_disk("web1", filled)?;
        }
        here.virsh(&["start", "web1"])?;
        let timeouts = Timeouts { copy_bandwidth, ..Timeouts::default() };
        let (bridge, events) = bridge(&[(HV, &here.uri()), (OTHER, &there.uri())], timeouts)?;
        let web1 = bridge.named("web1").first().context("no web1")?.id.clone();
        Ok(Self { here, there, bridge, events, web1 })
    }

    fn place(&self) -> Option<String> {
        self.bridge.machine(&self.web1).map(|machine| machine.id.hypervisor.clone())
    }

    /// The one thing that is told: it moved.
    fn hear_moved(&mut self, from: &str, to: &str) -> Result<()> {
        let event = next(&mut self.events)?;
        let told = (event.kind, event.was.as_deref(), event.hypervisor.as_str());
        ensure!(told == (EventKind::Moved, Some(from), to), "{event:?}");
        ensure!(self.place().as_deref() == Some(to), "{:?}", self.place());
        self.hear_nothing()
    }

    fn migrate(&self, from: &str, to: &str) -> Result<Op> {
        let machine = MachineId { hypervisor: from.to_owned(), ..self.web1.clone() };
        let capacity = self.bridge.disk_use(&machine, "vda")?.capacity;
        let disk = Copied {
            target: "vda".to_owned(),
            pool: "default".to_owned(),
            volume: "web1.qcow2".to_owned(),
            format: "qcow2".to_owned(),
            capacity,
        };
        Ok(ops::Migrate { machine, to: to.to_owned(), disks: vec![disk] }.into())
    }

    fn drop_left(&self, on: &str, now_on: &str) -> Op {
        let machine = MachineId { hypervisor: on.to_owned(), ..self.web1.clone() };
        let (pool, name, target) = ("default".to_owned(), "web1.qcow2".to_owned(), "vda".to_owned());
        ops::DropLeft { machine, now_on: now_on.to_owned(), target, pool, name }.into()
    }

    fn volumes(&self, on: &str) -> Result<Vec<String>> {
        Ok(self.bridge.volumes(on, "default")?.into_iter().map(|volume| volume.name).collect())
    }

    fn hear_nothing(&mut self) -> Result<()> {
        // What was still to come has come by then.
        for host in [HV, OTHER] {
            self.bridge.resync(host)?;
        }
        let more = std::iter::from_fn(|| self.events.try_recv().ok());
        let more: Vec<_> = more.filter(|event| event.kind != EventKind::HostRead).collect();
        ensure!(more.is_empty(), "{more:?}");
        Ok(())
    }
}

fn live() -> Result<()> {
    let mut on = Pair::start()?;
    on.here.wait_up("web1", 1)?;
    on.here.virsh(&["qemu-agent-command", "web1", r#"{"execute":"guest-ping"}"#])?;
    let refused = on.bridge.apply(&on.drop_left(HV, OTHER)).err().context("it has not left")?;
    ensure!(!refused.kind.outcome_unknown() && on.volumes(HV)? == ["web1.qcow2"], "{refused:?}");
    on.bridge.apply(&on.migrate(HV, OTHER)?)?;
    on.hear_moved(HV, OTHER)?;
    let machine = on.bridge.machine(&on.web1).context("gone")?;
    ensure!(machine.state == State::Running && machine.persistent, "{machine:?}");
    ensure!(machine.disks[0].volume == Some(("default".to_owned(), "web1.qcow2".to_owned())), "{:?}", machine.disks);
    let own = on.there.path("pool/web1.qcow2").display().to_string();
    for flags in [&["domblklist", "web1"][..], &["domblklist", "--inactive", "web1"]] {
        ensure!(on.there.virsh(flags)?.contains(&own), "now and at its next start");
    }
    ensure!(on.here.virsh(&["list", "--all", "--name"])?.is_empty(), "nothing is left of it there");
    on.there.virsh(&["qemu-agent-command", "web1", r#"{"execute":"guest-ping"}"#]).context("the guest goes on")?;
    on.bridge.apply(&on.drop_left(HV, OTHER))?;
    ensure!(on.volumes(HV)?.is_empty() && on.volumes(OTHER)? == ["web1.qcow2"]);
    on.bridge.apply(&on.migrate(OTHER, HV)?)?;
    on.hear_moved(OTHER, HV)
}

fn off() -> Result<()> {
    let mut on = Pair::start()?;
    on.here.virsh(&["destroy", "web1"])?;
    ensure!(next(&mut on.events)?.kind == EventKind::ForcedOff);
    on.here.fill_disk("web1", 40)?;
    on.here.virsh(&["autostart", "web1"])?;
    let held = |session: &Session| -> Result<Vec<u8>> { Ok(std::fs::read(session.path("pool/web1.qcow2"))?) };
    let before = held(&on.here)?;
    on.bridge.apply(&on.migrate(HV, OTHER)?)?;
    on.hear_moved(HV, OTHER)?;
    ensure!(held(&on.there)? == before, "byte by byte");
    ensure!(on.bridge.machine(&on.web1).is_some_and(|machine| machine.autostart), "as it was defined");
    on.bridge.apply(&on.drop_left(HV, OTHER))?;
    on.bridge.apply(&ops::Start { machine: MachineId { hypervisor: OTHER.to_owned(), ..on.web1.clone() } }.into())?;
    ensure!(next(&mut on.events)?.kind == EventKind::Started);
    Ok(())
}

/// Begins a move that lasts, and waits until libvirt tells how far it is.
fn begin(on: &Pair) -> Result<(Op, std::thread::JoinHandle<Result<(), HostError>>)> {
    let (bridge, op) = (on.bridge.clone(), on.migrate(HV, OTHER)?);
    let begun = op.clone();
    let moves = std::thread::spawn(move || bridge.apply(&op));
    let under_way = || on.bridge.progress(&begun).is_ok_and(|percent| percent.is_some_and(|percent| percent > 0));
    wait_for("the move to begin", PATIENCE, || moves.is_finished() || under_way())?;
    Ok((begun, moves))
}

/// The machine goes on where it was, and the other host has nothing of it.
fn as_before(on: &mut Pair) -> Result<()> {
    on.hear_nothing()?;
    ensure!(on.place().as_deref() == Some(HV) && on.here.virsh(&["domstate", "web1"])? == "running");
    ensure!(on.volumes(OTHER)?.is_empty() && on.there.virsh(&["list", "--all", "--name"])?.is_empty());
    on.here.virsh(&["qemu-agent-command", "web1", r#"{"execute":"guest-ping"}"#]).context("the guest goes on")?;
    Ok(())
}

fn stopped() -> Result<()> {
    let mut on = Pair::start_with(48, 4)?;
    on.here.wait_up("web1", 1)?;
    let (begun, moves) = begin(&on)?;
    on.bridge.stop(&begun)?;
    let error = moves.join().ok().context("panicked")?.err().context("it moved")?;
    ensure!(!error.kind.outcome_unknown(), "{error:?}");
    as_before(&mut on)
}

fn broken() -> Result<()> {
    let mut on = Pair::start_with(48, 4)?;
    on.here.wait_up("web1", 1)?;
    let (_, moves) = begin(&on)?;
    on.there.kill_guest("web1")?;
    let error = moves.join().ok().context("panicked")?.err().context("it moved")?;
    ensure!(!error.kind.outcome_unknown(), "{error:?}");
    as_before(&mut on)
}

fn moved_by_others() -> Result<()> {
    let mut on = Pair::start()?;
    on.here.wait_up("web1", 1)?;
    let (bridge, web1, stop) = (on.bridge.clone(), on.web1.clone(), Arc::new(AtomicBool::new(false)));
    let watched = stop.clone();
    // How it looks all the time that it moves.
    let watch = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !watched.load(Ordering::SeqCst) {
            let looks = bridge.machine(&web1).map(|machine| machine.state);
            if seen.last() != Some(&looks) {
                seen.push(looks);
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        seen
    });
    // The disk is a file that both can read, which libvirt can't know.
    let live = ["migrate", "--live", "--persistent", "--undefinesource", "--unsafe", "web1"];
    on.here.virsh(&[&live[..], &[&on.there.uri()]].concat())?;
    on.hear_moved(HV, OTHER)?;
    stop.store(true, Ordering::SeqCst);
    let seen = watch.join().ok().context("panicked")?;
    ensure!(seen == [Some(State::Running)], "it was never away, nor paused: {seen:?}");

    on.there.virsh(&["destroy", "web1"])?;
    ensure!(next(&mut on.events)?.kind == EventKind::ForcedOff);
    let offline = ["migrate", "--offline", "--persistent", "--undefinesource", "web1"];
    on.there.virsh(&[&offline[..], &[&on.here.uri()]].concat())?;
    on.hear_moved(OTHER, HV)?;

    // What is left behind is not the machine; and it is the machine again once the other is gone.
    on.here.virsh(&["start", "web1"])?;
    ensure!(next(&mut on.events)?.kind == EventKind::Started);
    let left = ["migrate", "--live", "--unsafe", "web1"];
    on.here.virsh(&[&left[..], &[&on.there.uri()]].concat())?;
    on.hear_moved(HV, OTHER)?;
    ensure!(on.here.virsh(&["domstate", "web1"])? == "shut off", "libvirt left it there");
    on.there.virsh(&["destroy", "web1"])?;
    on.hear_moved(OTHER, HV)
}

fn runs_twice() -> Result<()> {
    let mut on = Pair::start()?;
    let file = on.there.path("web1.xml");
    let xml = on.here.virsh(&["dumpxml", "--inactive", "web1"])?;
    // With a disk of its own: QEMU lets nobody else have the same.
    on.there.virsh(&["vol-create-as", "default", "web1.qcow2", "64M", "--format", "qcow2"])?;
    let own = |session: &Session| session.path("pool").display().to_string();
    std::fs::write(&file, xml.replace(&own(&on.here), &own(&on.there)))?;
    on.there.virsh(&["define", &file.display().to_string()])?;
    on.hear_nothing()?;
    on.there.virsh(&["start", "web1"])?;
    let event = next(&mut on.events)?;
    let told = (event.kind, event.was.as_deref(), event.hypervisor.as_str());
    ensure!(told == (EventKind::Doubled, Some(HV), OTHER), "{event:?}");
    ensure!(on.place().as_deref() == Some(HV) && on.bridge.machines().len() == 1);
    on.hear_nothing()?;
    on.here.virsh(&["destroy", "web1"])?;
    wait_for("the one that runs to count", PATIENCE, || on.place().as_deref() == Some(OTHER))
}
