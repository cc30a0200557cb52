//! A turn within this process, without a server: what understanding, dialogue, plan and store cost.

use std::path::Path;
use std::time::{Duration, Instant};

use agent::app::{Assembled, assemble};
use agent::config::Config;
use agent::host::HostRead;
use agent::measure::explain::{Question, explain};
use agent::message::{Asker, Message};
use agent::people::addresses::Entity;
use anyhow::{Context, Result, ensure};
use dialogue::machine::Utterance;
use dialogue::spec::Scope;
use jiff::Zoned;

use crate::figure::{Report, Sample};
use crate::site::{configuration, machines};
use crate::talk::SENTENCE;

/// Commands to the letter, and what their figures are called: the whole turn, and understanding and dialogue alone.
const COMMANDS: [(&str, &str, &str); 3] = [
    (
        "status",
        "\"status\" to a machine: the whole turn, p50",
        "\"status\", whose language nothing tells: understanding and dialogue, p50",
    ),
    (
        "what is your ip address",
        "\"what is your ip address\": the whole turn, p50",
        "\"what is your ip address\": understanding and dialogue, p50",
    ),
    (
        "quelle est ton adresse ip",
        "\"quelle est ton adresse ip\": the whole turn, p50",
        "\"quelle est ton adresse ip\": understanding and dialogue, p50",
    ),
];
/// What understanding and dialogue may take, in microseconds.
const MOST: f64 = 200.0;
/// Turns of each kind.
const TURNS: usize = 300;
/// Sentences for the encoder.
const SENTENCES: usize = 50;

/// Measures turns at a machine among 1,000, and at their host.
pub fn measure(report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = machines(folder.path(), 1_000)?;
    let config = Config::parse(Path::new("bench"), &configuration(5347, &uri, &folder.path().join("store"))?)?;
    let assembled = assemble(&config, "bench")?;
    assembled.bridge.wait_settled(Duration::from_secs(60));
    let machine = assembled.bridge.named("vm-0500").first().context("the machines are not there")?.id.clone();
    let (machine, host) = (Entity::Machine(machine), Entity::Hypervisor("hv1".to_owned()));
    for (text, turn, alone) in COMMANDS {
        report.note(turn, turns(&assembled, &machine, text, TURNS)? * 1e3, "µs");
        report.judge(alone, understood(&assembled, text) * 1e3, "µs", MOST);
    }
    report.note(
        "\"status of vm-0500\" to its host, p50",
        turns(&assembled, &host, "status of vm-0500", TURNS)? * 1e3,
        "µs",
    );
    report.note(
        "a sentence for the encoder: the whole turn, p50",
        turns(&assembled, &machine, SENTENCE, SENTENCES)?,
        "ms",
    );
    let mut rank = Sample::default();
    for _ in 0..SENTENCES {
        let begun = Instant::now();
        std::hint::black_box(assembled.nlu.rank(SENTENCE));
        rank.add(begun.elapsed());
    }
    report.judge("of which encoder and classifier, p50", rank.quantile(0.5), "ms", 25.0);
    ensure!(assembled.nlu.encoder().is_ok(), "there is no encoder: these were n-grams alone");
    Ok(())
}

/// The same without plan, journal and store, at a host of which no name is known.
fn understood(assembled: &Assembled, text: &str) -> f64 {
    let (question, now) = (Question { text: text.to_owned(), to: Scope::Machine, machines: None }, Zoned::now());
    let mut sample = Sample::default();
    for _ in 0..TURNS {
        let begun = Instant::now();
        std::hint::black_box(explain(&assembled.nlu, &question, &now));
        sample.add(begun.elapsed());
    }
    sample.quantile(0.5)
}

/// Half of the turns with this text take less, in milliseconds.
fn turns(assembled: &Assembled, entity: &Entity, text: &str, times: usize) -> Result<f64> {
    let message = Message {
        asker: Asker { jid: Some("alice@localhost".to_owned()), name: "alice".to_owned() },
        entity: entity.clone(),
        room: None,
        utterance: Utterance { text: text.to_owned(), ..Utterance::default() },
        now: Zoned::now(),
    };
    let mut sample = Sample::default();
    for _ in 0..times {
        let mut answers = 0;
        let begun = Instant::now();
        assembled.bot.hear(&message, &mut |_| answers += 1);
        sample.add(begun.elapsed());
        ensure!(answers > 0, "no answer to {text}");
    }
    Ok(sample.quantile(0.5))
}
