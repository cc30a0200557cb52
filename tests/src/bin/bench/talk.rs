//! Round trips of what people say, beside those of the echo component: the same Prosody, the same clients, in turns.

use anyhow::{Result, ensure};

use crate::figure::{Report, Sample};
use crate::site::{ECHO, Site, address};

/// People; the agent answers each at most 30 times a minute.
const PEOPLE: usize = 40;
/// Commands from each.
const COMMANDS: usize = 23;
/// Sentences for the encoder from each.
const SENTENCES: usize = 5;
/// What no pattern of the grammar reads.
pub const SENTENCE: &str = "could you possibly let me know whether you are alive over there";

/// Measures round trips with 1,000 machines.
pub fn measure(report: &mut Report) -> Result<()> {
    let site = Site::start()?;
    let _echo = site.echo()?;
    let machine = "vm-0500";
    let _agent = site.agent(&site.machines(1_000)?, machine)?;
    let machine = address(machine);
    let (mut echo, mut command, mut sentence) = (Sample::default(), Sample::default(), Sample::default());
    let mut people = (0..PEOPLE).map(|_| site.client()).collect::<Result<Vec<_>>>()?;
    for person in &mut people {
        person.say(ECHO, "status")?;
        person.say(&machine, "status")?;
    }
    for _ in 0..COMMANDS {
        for person in &mut people {
            echo.add(person.say(ECHO, "status")?.0);
            let (took, answer) = person.say(&machine, "status")?;
            ensure!(answer.contains("unning"), "not a status: {answer}");
            command.add(took);
        }
    }
    for _ in 0..SENTENCES {
        for person in &mut people {
            sentence.add(person.say(&machine, SENTENCE)?.0);
        }
    }
    let (p50, p99) = (0.50, 0.99);
    report.note("echo component, round trip, p50", echo.quantile(p50), "ms");
    report.note("echo component, round trip, p99", echo.quantile(p99), "ms");
    report.note("\"status\" to one of 1,000 machines, p50", command.quantile(p50), "ms");
    report.note("\"status\" to one of 1,000 machines, p99", command.quantile(p99), "ms");
    report.judge("\"status\" : echo, p50", command.quantile(p50) / echo.quantile(p50), "×", 1.5);
    report.judge("\"status\" : echo, p99", command.quantile(p99) / echo.quantile(p99), "×", 3.0);
    report.note("a sentence for the encoder, p50", sentence.quantile(p50), "ms");
    report.judge(
        "a sentence for the encoder − \"status\", p50",
        sentence.quantile(p50) - command.quantile(p50),
        "ms",
        25.0,
    );
    Ok(())
}
