//! libvirt killed, hung and started again in the middle of things; changes from outside; hosts that can't be reached.

use std::fs;
use std::time::{Duration, Instant};

use agent::host::libvirt::{Bridge, Connection, DownReason, Timeouts};
use agent::host::{EventKind, HostErrorKind as Error, HostRead, HostWrite, State};
use agent::ops::{self, Op};
use anyhow::{Context, Result, ensure};
use tests::guest::{PATIENCE, Session, wait_for};

use crate::subject::{HV, Kind, Subject, bridge, next, test_driver};

type Case = (&'static str, fn() -> Result<()>);

pub const CASES: [Case; 10] = [
    ("test_driver::ten_thousand_machines_are_read_and_their_use_is_told_at_once", use_of_many),
    ("qemu::the_use_of_all_running_machines_is_told_at_once", use_of_all),
    ("test_driver::two_thousand_machines_are_read_and_kept", many),
    ("qemu::killed_in_the_middle_of_an_op_its_outcome_is_unknown_and_all_is_read_again", killed),
    ("qemu::a_hung_daemon_is_noticed_and_starves_nobody", hung),
    ("qemu::two_stuck_ops_leave_the_host_to_others_and_tell_how_they_ended", stuck),
    ("qemu::what_others_do_is_heard", outside),
    ("qemu::saving_and_renaming_by_others_are_called_so_and_a_snapshot_is_no_pause", called_so),
    ("qemu::a_guest_that_holds_on_to_a_disk_is_said_to", holds_on),
    ("unreachable_hosts_are_told_apart", told_apart),
];

/// Impatient, so that tests end.
fn quick() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        read: Duration::from_secs(2),
        write: Duration::from_secs(20),
        detach: Duration::from_secs(15),
        retry_first: Duration::from_millis(200),
        retry_most: Duration::from_secs(1),
        keepalive: Duration::from_secs(1),
        ..Timeouts::default()
    }
}

fn connection(bridge: &Bridge, name: &str) -> Option<Connection> {
    bridge.status().into_iter().find(|status| status.name == name).map(|status| status.connection)
}

fn attach(machine: &agent::host::MachineId) -> [Op; 2] {
    let (pool, volume, format) = ("default".to_owned(), "data.qcow2".to_owned(), "qcow2".to_owned());
    let create = ops::CreateVolume {
        hypervisor: HV.to_owned(),
        pool: pool.clone(),
        name: volume.clone(),
        format: format.clone(),
        capacity: grammar::size::Bytes(1 << 20),
    };
    let target = "vdb".to_owned();
    [create.into(), ops::AttachDisk { machine: machine.clone(), pool, volume, format, target }.into()]
}

/// A session with web1 running (not waited for) under a bridge.
fn running() -> Result<(Session, std::sync::Arc<Bridge>, tokio::sync::mpsc::UnboundedReceiver<agent::host::HostEvent>)>
{
    let session = Session::start()?;
    session.define("web1")?;
    session.virsh(&["start", "web1"])?;
    let (bridge, events) = bridge(&[(HV, &session.uri()), ("hv2", &test_driver())], quick())?;
    Ok((session, bridge, events))
}

fn killed() -> Result<()> {
    let (mut session, bridge, mut events) = running()?;
    let web1 = bridge.machines().into_iter().find(|m| m.id.hypervisor == HV).context("no web1")?.id.clone();
    for op in attach(&web1) {
        bridge.apply(&op)?;
    }
    ensure!(next(&mut events)?.kind == EventKind::DeviceAdded);
    // A paused guest lets nothing go, so this op lasts.
    bridge.apply(&ops::Pause { machine: web1.clone() }.into())?;
    ensure!(next(&mut events)?.kind == EventKind::Paused);
    let (during, op) = (bridge.clone(), Op::from(ops::DetachDisk { machine: web1.clone(), target: "vdb".to_owned() }));
    let op = std::thread::spawn(move || during.apply(&op));
    wait_for("the op to begin", PATIENCE, || {
        session.virsh(&["dumpxml", "--inactive", "web1"]).is_ok_and(|xml| !xml.contains("vdb"))
    })?;
    session.kill();
    let error = op.join().ok().context("panicked")?.err().context("it worked")?;
    ensure!(error.kind == Error::Lost && error.kind.outcome_unknown(), "{error:?}");
    let lost = next(&mut events)?;
    ensure!(lost.kind == EventKind::HostLost && lost.machine.is_none(), "{lost:?}");
    ensure!(bridge.hypervisors()[0].unreachable.is_some());
    ensure!(bridge.machine(&web1).is_some_and(|m| m.state == State::Paused), "the mirror still knows it");
    let refused = bridge.apply(&ops::Resume { machine: web1.clone() }.into()).err().context("no daemon")?;
    ensure!(refused.kind == Error::Unreachable && !refused.kind.outcome_unknown(), "{refused:?}");

    // While nobody watches, the guest dies.
    session.kill_guest("web1")?;
    session.restart()?;
    let (mut kinds, mut names) = (Vec::new(), Vec::new());
    while kinds.last() != Some(&EventKind::HostBack) {
        let event = next(&mut events)?;
        kinds.push(event.kind);
        names.extend(event.machine.map(|(_, name)| name));
    }
    ensure!(kinds.len() == 2 && names == ["web1"], "{kinds:?} {names:?}");
    ensure!(matches!(kinds[0], EventKind::Failed | EventKind::Crashed | EventKind::ForcedOff), "{kinds:?}");
    let after = bridge.machine(&web1).context("gone")?;
    ensure!(after.state == State::Off && bridge.hypervisors()[0].unreachable.is_none(), "{after:?}");
    bridge.apply(&ops::Start { machine: web1 }.into())?;
    ensure!(next(&mut events)?.kind == EventKind::Started, "events are heard again");
    Ok(())
}

fn hung() -> Result<()> {
    let (session, bridge, mut events) = running()?;
    let web1 = bridge.machines().into_iter().find(|m| m.id.hypervisor == HV).context("no web1")?.id.clone();
    let other = bridge.machines().into_iter().find(|m| m.id.hypervisor == "hv2").context("no other")?.id.clone();
    session.hang();
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let (bridge, web1) = (bridge.clone(), web1.clone());
            std::thread::spawn(move || bridge.stats(&web1).err().map(|error| error.kind))
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..20 {
        bridge.host_info("hv2")?;
        ensure!(bridge.machine(&web1).is_some());
    }
    bridge.apply(&ops::ForceOff { machine: other }.into())?;
    ensure!(begun.elapsed() < Duration::from_secs(2), "the other host waited {:?}", begun.elapsed());
    for caller in callers {
        let kind = caller.join().ok().context("panicked")?;
        ensure!(matches!(kind, Some(Error::TimedOut | Error::Unreachable)), "{kind:?}");
    }
    let mut heard = vec![next(&mut events)?, next(&mut events)?];
    heard.sort_by(|a, b| b.hypervisor.cmp(&a.hypervisor));
    ensure!(heard[0].kind == EventKind::ForcedOff && heard[1].kind == EventKind::HostLost, "{heard:?}");
    let status = &bridge.status()[0];
    ensure!(matches!(status.connection, Connection::Down { reason: DownReason::NoAnswer, .. }), "{status:?}");
    ensure!(status.abandoned_ever > 0, "{status:?}");
    ensure!(bridge.status()[1].connection == Connection::Up);

    session.go_on();
    let back = next(&mut events)?;
    ensure!(back.kind == EventKind::HostBack, "{back:?}");
    wait_for("abandoned calls to come back", PATIENCE, || bridge.status()[0].abandoned == 0)?;
    bridge.apply(&ops::Pause { machine: web1 }.into())?;
    ensure!(next(&mut events)?.kind == EventKind::Paused);
    Ok(())
}

fn stuck() -> Result<()> {
    let session = Session::start()?;
    for name in ["web1", "web2", "db1"] {
        session.define(name)?;
        session.virsh(&["start", name])?;
    }
    let (bridge, mut events) = bridge(&[(HV, &session.uri())], Timeouts { write: Duration::from_secs(5), ..quick() })?;
    let id = |name: &str| bridge.named(name).first().map(|machine| machine.id.clone()).context("not there");
    let (web1, web2, db1) = (id("web1")?, id("web2")?, id("db1")?);
    session.hang_guest("web1")?;
    session.hang_guest("web2")?;
    let begun = Instant::now();
    let waiting: Vec<_> = [web1.clone(), web2.clone()]
        .map(|machine| {
            let during = bridge.clone();
            std::thread::spawn(move || {
                let (late, end) = std::sync::mpsc::channel();
                (during.apply_late(&ops::Pause { machine }.into(), late), end)
            })
        })
        .into_iter()
        .map(std::thread::JoinHandle::join)
        .collect();
    let mut ends = Vec::new();
    for one in waiting {
        let (answer, end) = one.ok().context("panicked")?;
        let error = answer.err().context("it was answered")?;
        ensure!(error.kind == Error::TimedOut && error.kind.outcome_unknown(), "{error:?}");
        ends.push(end);
    }
    ensure!(bridge.status()[0].abandoned == 2, "{:?}", bridge.status());
    // A third person is served, reads go on, and the host is there.
    bridge.apply(&ops::Pause { machine: db1.clone() }.into())?;
    ensure!(bridge.look_again(&web1).is_some() && bridge.host_info(HV)?.memory.0 > 0);
    bridge.resync(HV)?;
    let status = &bridge.status()[0];
    ensure!(status.connection == Connection::Up && bridge.hypervisors()[0].unreachable.is_none(), "{status:?}");
    ensure!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let heard = next(&mut events)?;
    ensure!(heard.kind == EventKind::Paused && heard.machine.is_some_and(|(id, _)| id == db1), "the mirror goes on");

    session.wake_guest("web1")?;
    session.wake_guest("web2")?;
    for end in ends {
        end.recv_timeout(PATIENCE).context("it never came back")?.map_err(crate::subject::chain)?;
    }
    ensure!(next(&mut events)?.kind == EventKind::Paused && next(&mut events)?.kind == EventKind::Paused);
    ensure!(bridge.machine(&web1).is_some_and(|machine| machine.state == State::Paused));
    Ok(())
}

fn called_so() -> Result<()> {
    let mut on = Subject::start(Kind::Qemu)?;
    let web1 = on.web1.clone();
    let virsh = |on: &Subject, arguments: &[&str]| on.session.as_ref().context("no session")?.virsh(arguments);
    virsh(&on, &["start", "web1"])?;
    on.hear_state(&web1, EventKind::Started, State::Running)?;
    virsh(&on, &["snapshot-create-as", "web1", "theirs"])?;
    virsh(&on, &["managedsave", "web1"])?;
    on.hear_state(&web1, EventKind::Saved, State::Off)?;
    ensure!(on.machine(&web1)?.saved, "its memory is kept");
    virsh(&on, &["start", "web1"])?;
    on.hear(&web1, EventKind::Restored)?;
    wait_for("the restored guest to go on", PATIENCE, || {
        on.machine(&web1).is_ok_and(|machine| machine.state == State::Running && !machine.saved)
    })?;
    virsh(&on, &["suspend", "web1"])?;
    on.hear_state(&web1, EventKind::Paused, State::Paused)?;
    virsh(&on, &["managedsave", "web1"])?;
    on.hear_state(&web1, EventKind::Saved, State::Off)?;
    on.apply(ops::Start { machine: web1.clone() })?;
    on.hear(&web1, EventKind::Restored)?;
    on.hear_state(&web1, EventKind::RestoredPaused, State::Paused)?;
    virsh(&on, &["snapshot-revert", "web1", "theirs"])?;
    on.hear(&web1, EventKind::Reverted)?;
    wait_for("the reverted guest to go on", PATIENCE, || {
        on.machine(&web1).is_ok_and(|machine| machine.state == State::Running)
    })?;
    virsh(&on, &["destroy", "web1"])?;
    on.hear_state(&web1, EventKind::ForcedOff, State::Off)?;
    virsh(&on, &["snapshot-delete", "web1", "theirs"])?;
    virsh(&on, &["domrename", "web1", "www"])?;
    let renamed = next(&mut on.events)?;
    ensure!(renamed.kind == EventKind::Renamed && renamed.was.as_deref() == Some("web1"), "{renamed:?}");
    ensure!(renamed.machine.is_some_and(|(_, name)| name == "www") && on.machine(&web1)?.name == "www");
    let said = std::iter::from_fn(|| on.events.try_recv().ok()).find(|event| event.kind != EventKind::HostRead);
    ensure!(said.is_none(), "nothing else is said: {said:?}");
    Ok(())
}

fn outside() -> Result<()> {
    let mut on = Subject::start(Kind::Qemu)?;
    let web1 = on.web1.clone();
    let virsh = |on: &Subject, arguments: &[&str]| on.session.as_ref().context("no session")?.virsh(arguments);
    virsh(&on, &["start", "web1"])?;
    on.hear_state(&web1, EventKind::Started, State::Running)?;
    virsh(&on, &["suspend", "web1"])?;
    on.hear_state(&web1, EventKind::Paused, State::Paused)?;
    virsh(&on, &["resume", "web1"])?;
    on.hear_state(&web1, EventKind::Resumed, State::Running)?;
    virsh(&on, &["destroy", "web1"])?;
    on.hear_state(&web1, EventKind::ForcedOff, State::Off)?;
    virsh(&on, &["start", "web1"])?;
    on.hear(&web1, EventKind::Started)?;
    on.session.as_ref().context("no session")?.kill_guest("web1")?;
    on.hear_state(&web1, EventKind::Failed, State::Off)?;
    virsh(&on, &["undefine", "web1"])?;
    on.hear(&web1, EventKind::Undefined)?;
    ensure!(on.host.machine(&web1).is_none(), "still in the mirror");
    Ok(())
}

fn holds_on() -> Result<()> {
    let (_session, bridge, mut events) = {
        let session = Session::start()?;
        session.define("web1")?;
        session.virsh(&["start", "web1"])?;
        let timeouts = Timeouts { detach: Duration::from_secs(7), ..quick() };
        let (bridge, events) = bridge(&[(HV, &session.uri())], timeouts)?;
        (session, bridge, events)
    };
    let web1 = bridge.machines()[0].id.clone();
    for op in attach(&web1) {
        bridge.apply(&op)?;
    }
    ensure!(next(&mut events)?.kind == EventKind::DeviceAdded);
    bridge.apply(&ops::Pause { machine: web1.clone() }.into())?;
    ensure!(next(&mut events)?.kind == EventKind::Paused);
    let error = bridge.apply(&ops::DetachDisk { machine: web1.clone(), target: "vdb".to_owned() }.into());
    let error = error.err().context("a paused guest let go")?;
    ensure!(error.kind == Error::TimedOut, "{error:?}");
    ensure!(
        bridge.machine(&web1).is_some_and(|m| m.disks.iter().any(|disk| disk.target == "vdb")),
        "it is still there"
    );
    Ok(())
}

fn many() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("many.xml");
    let domain = |number: u32| {
        format!(
            "<domain type='test'><name>vm-{number:04}</name><memory>262144</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64'>hvm</type></os></domain>"
        )
    };
    fs::write(&file, format!("<node>{}</node>", (0..2_000).map(domain).collect::<String>()))?;
    let (bridge, mut events) = bridge(&[(HV, &format!("test://{}", file.display()))], Timeouts::default())?;
    let machines = bridge.machines();
    ensure!(machines.len() == 2_000 && machines[1_234].name == "vm-1234", "{} machines", machines.len());
    let begun = Instant::now();
    for _ in 0..100 {
        ensure!(machines.iter().all(|machine| bridge.machine(&machine.id).is_some()));
    }
    ensure!(begun.elapsed() < Duration::from_secs(10), "200,000 reads took {:?}", begun.elapsed());
    bridge.apply(&ops::ForceOff { machine: machines[7].id.clone() }.into())?;
    let event = next(&mut events)?;
    ensure!(event.machine.is_some_and(|(_, name)| name == "vm-0007") && event.kind == EventKind::ForcedOff);
    bridge.resync(HV)?;
    ensure!(bridge.machines()[7].state == State::Off && events.try_recv().is_err(), "a resync tells nothing new");
    Ok(())
}

fn use_of_many() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("many.xml");
    let domain = |number: u32| {
        format!(
            "<domain type='test'><name>vm-{number:05}</name><memory>262144</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64'>hvm</type></os></domain>"
        )
    };
    fs::write(&file, format!("<node>{}</node>", (0..10_000).map(domain).collect::<String>()))?;
    let (bridge, mut events) = bridge(&[(HV, &format!("test://{}", file.display()))], Timeouts::default())?;
    wait_for("word that they were read", PATIENCE, || {
        events.try_recv().is_ok_and(|event| event.kind == EventKind::HostRead && event.machine.is_none())
    })?;
    ensure!(bridge.machines().len() == 10_000);
    let begun = Instant::now();
    let first = bridge.usage(HV)?;
    let (both, begun) = (begun.elapsed(), Instant::now());
    let again = bridge.usage(HV)?;
    println!("use of 10,000 machines: {both:?} at first, {:?} again", begun.elapsed());
    for used in [&first, &again] {
        ensure!(used.len() == 10_000 && used.values().all(|used| used.cpu_percent.is_some()), "{} told", used.len());
    }
    ensure!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    Ok(())
}

fn use_of_all() -> Result<()> {
    let (_session, bridge, _events) = running()?;
    let web1 = bridge.machines().into_iter().find(|m| m.id.hypervisor == HV).context("no web1")?.id.clone();
    let used = bridge.usage(HV)?;
    let cpu = used.get(&web1.uuid).context("web1 tells nothing")?.cpu_percent.context("no processor time")?;
    ensure!((0.0..=100.0).contains(&cpu), "{cpu}");
    bridge.apply(&ops::ForceOff { machine: web1 }.into())?;
    ensure!(bridge.usage(HV)?.is_empty(), "what is off uses nothing");
    Ok(())
}

fn told_apart() -> Result<()> {
    let locked = Session::start_locked()?;
    let folder = tempfile::tempdir()?;
    let nobody = folder.path().join("nobody");
    let mute = folder.path().join("mute");
    fs::write(folder.path().join("plain"), "")?;
    // Accepts connections in the kernel's queue and never answers.
    let _listener = std::os::unix::net::UnixListener::bind(&mute)?;
    let at = |socket: &std::path::Path| format!("qemu+unix:///session?socket={}", socket.display());
    let hosts = [
        ("typo", "kemu:///system".to_owned(), DownReason::BadUri),
        ("garbage", "::not a uri::".to_owned(), DownReason::BadUri),
        ("no_dns", "qemu+tcp://nowhere.invalid/system".to_owned(), DownReason::Other),
        ("off", at(&nobody), DownReason::NotRunning),
        ("locked", locked.uri(), DownReason::Denied),
        ("mute", at(&mute), DownReason::NoAnswer),
    ];
    let configured: Vec<_> = hosts.iter().map(|(name, uri, _)| (*name, uri.as_str())).collect();
    let (bridge, _events) = bridge(&configured, quick())?;
    for (name, _, expected) in &hosts {
        let Some(Connection::Down { reason, said }) = connection(&bridge, name) else {
            anyhow::bail!("{name} is {:?}", connection(&bridge, name));
        };
        ensure!(reason == *expected && !said.is_empty(), "{name}: {reason:?}, {said}");
    }
    ensure!(bridge.hypervisors().iter().all(|host| host.unreachable.is_some()));
    Ok(())
}
