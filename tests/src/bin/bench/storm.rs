//! A thousand changes a second at libvirt, on a host of 10,000 machines, while other people ask.
//!
//! The changes come through a private libvirtd, on its test driver, as `virsh` would make them. Somebody who has all machines in
//! their contacts sees them go by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::guest::{PATIENCE, Session, wait_for};
use virt::connect::Connect;
use virt::domain::Domain;

use crate::figure::{Report, Sample};
use crate::fleet::{ALICE, MACHINES, befriend};
use crate::site::{ECHO, Site, address, definition};

/// Changes, and from the beginning of one to that of the next.
const CHANGES: usize = 10_000;
const EVERY: Duration = Duration::from_millis(1);
/// Who ask meanwhile; each is answered at most 30 times a minute.
const PEOPLE: usize = 20;
/// From one question to the next.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// Measures it.
pub fn measure(report: &mut Report) -> Result<()> {
    let libvirtd = Session::start()?;
    let uri = libvirtd.uri().replace("qemu+unix:///session", "test+unix:///default");
    let outside = Connect::open(Some(&uri))?;
    let machines = (0..MACHINES)
        .map(|number| {
            let machine = outside.define_domain_xml(&definition(number))?;
            machine.create()?;
            Ok(machine)
        })
        .collect::<Result<Vec<_>>>()?;
    let site = Site::start()?;
    let _echo = site.echo()?;
    let store = site.store()?;
    befriend(&site, &store)?;
    let begun = Instant::now();
    let agent = site.agent_at(&store, &uri, "test")?;
    report.judge("10,000 machines at a libvirtd: to the first answer", begun.elapsed().as_secs_f64(), "s", 5.0);
    let mut alice = site.known(&ALICE)?;
    alice.appear(MACHINES)?;
    let mut people = (0..PEOPLE).map(|_| site.client()).collect::<Result<Vec<_>>>()?;
    let asked = address("test");
    let (mut quiet, mut busy, mut echo) = (Sample::default(), Sample::default(), Sample::default());
    for person in &mut people {
        quiet.add(person.say(&asked, "status")?.0);
    }
    let changing = AtomicBool::new(true);
    let before = agent.ticks()?;
    let (took, answers) = std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let took = change(&machines);
            changing.store(false, Ordering::SeqCst);
            took
        });
        let mut answers = 0;
        for nth in 0.. {
            if !changing.load(Ordering::SeqCst) {
                break;
            }
            let count = people.len();
            let person = &mut people[nth % count];
            echo.add(person.say(ECHO, "status")?.0);
            let (took, answer) = person.say(&asked, "status")?;
            ensure!(answer.contains("unning"), "not a status: {answer}");
            busy.add(took);
            answers += 1;
            std::thread::park_timeout(ASK_EVERY);
        }
        anyhow::Ok((changes.join().expect("it does not panic")?, answers))
    })?;
    let last = address(&format!("vm-{:04}", MACHINES - 1));
    let behind = Instant::now();
    let mut late = site.client()?;
    let seen = || late.say(&last, "status").is_ok_and(|(_, answer)| answer.contains("aused"));
    wait_for("the last change", PATIENCE, seen)?;
    let behind = behind.elapsed();
    report.note("changes a second at libvirt, for ten seconds", CHANGES as f64 / took.as_secs_f64(), "");
    report.note("questions of others meanwhile", f64::from(answers), "");
    report.note("their answers before, p50", quiet.quantile(0.5), "ms");
    report.note("their answers meanwhile, p50", busy.quantile(0.5), "ms");
    report.judge("their answers meanwhile, p99", busy.quantile(0.99), "ms", 100.0);
    report.note("the echo component's meanwhile, p99", echo.quantile(0.99), "ms");
    report.judge("the last change is known, after it", behind.as_secs_f64(), "s", 1.0);
    let used = (agent.ticks()? - before) / 100.0;
    report.note("processor time for each change", used / CHANGES as f64 * 1e6, "µs");
    Ok(())
}

/// Pauses one machine after the other, as fast as wanted or as libvirt can; gives how long it took.
fn change(machines: &[Domain]) -> Result<Duration> {
    let begun = Instant::now();
    for (nth, machine) in machines.iter().take(CHANGES).enumerate() {
        let due = begun + EVERY * u32::try_from(nth).context("so many changes")?;
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
        machine.suspend()?;
    }
    Ok(begun.elapsed())
}
