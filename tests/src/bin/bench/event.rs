//! From a change that somebody else makes at libvirt to the message at a client that sees the machine.
//!
//! The change comes through a private libvirtd, on its test driver, as `virsh` would make it; the time counts from
//! before the call, so that it holds more than it must.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tests::guest::Session;
use virt::connect::Connect;

use crate::figure::{Report, Sample};
use crate::site::{ECHO, Site, address};

/// Changes made.
const CHANGES: usize = 200;

/// Measures with the one machine of the test driver.
pub fn measure(report: &mut Report) -> Result<()> {
    let libvirtd = Session::start()?;
    let uri = libvirtd.uri().replace("qemu+unix:///session", "test+unix:///default");
    let site = Site::start()?;
    let _echo = site.echo()?;
    let _agent = site.agent(&uri, "test")?;
    let mut person = site.client()?;
    let machine = address("test");
    person.send(&format!("<presence to='{machine}' type='subscribe'/>"))?;
    person.message().context("a word of welcome")?;
    let outside = Connect::open(Some(&uri))?;
    let domain = outside.lookup_domain_by_name("test")?;
    let (mut echo, mut call, mut heard) = (Sample::default(), Sample::default(), Sample::default());
    for change in 0..CHANGES {
        echo.add(person.say(ECHO, "status")?.0);
        let begun = Instant::now();
        if change % 2 == 0 {
            domain.suspend()?
        } else {
            domain.resume()?
        };
        call.add(begun.elapsed());
        let told = person.message()?;
        heard.add(begun.elapsed());
        ensure!(told.contains("test"), "not about the machine: {told}");
    }
    report.note("a change at libvirt, the call alone, p50", call.quantile(0.5), "ms");
    report.note("from the call to the message at the client, p50", heard.quantile(0.5), "ms");
    report.note("from the call to the message at the client, p99", heard.quantile(0.99), "ms");
    report.judge("from the call to the message − echo, p50", heard.quantile(0.5) - echo.quantile(0.5), "ms", 5.0);
    Ok(())
}
