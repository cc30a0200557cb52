//! Machines that go from one hypervisor to another: two real daemons, each with an identity and a pool of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent::host::libvirt::{Bridge, Timeouts};
use agent::host::{EventKind, HostEvent, HostRead, MachineId, State};
use anyhow::{Context, Result, ensure};
use tests::guest::{PATIENCE, Session, wait_for};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::subject::{HV, bridge, next};

type Case = (&'static str, fn() -> Result<()>);

pub const CASES: [Case; 2] = [
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
        let (here, there) = (Session::start()?, Session::start()?);
        here.define("web1")?;
        here.virsh(&["start", "web1"])?;
        let (bridge, events) = bridge(&[(HV, &here.uri()), (OTHER, &there.uri())], Timeouts::default())?;
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
