//! A turn within this process, without server or hypervisor: what understanding and dialogue cost.

use std::path::PathBuf;
use std::time::Instant;

use agent::explain::{Question, explain};
use agent::mind::Mind;
use anyhow::{Context, Result};
use dialogue::spec::Scope;
use jiff::Zoned;

use crate::figure::{Report, Sample};
use crate::talk::SENTENCE;

/// Measures turns at a machine among 1,000.
pub fn measure(report: &mut Report) -> Result<()> {
    let cache = std::env::var_os("ATOLL_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/atoll"))).context("HOME is not set")?;
    let mind = Mind::load(&cache.join("model"), Some(&cache.join("trained")))?;
    let now = Zoned::now();
    let machines: Vec<String> = (0..1_000).map(|number| format!("vm-{number:04}")).collect();
    let turn = |text: &str, times: usize| {
        let question = Question { text: text.to_owned(), to: Scope::Machine, machines: Some(machines.clone()) };
        let mut sample = Sample::default();
        for _ in 0..times {
            let begun = Instant::now();
            let explained = explain(&mind, &question, &now);
            sample.add(begun.elapsed());
            std::hint::black_box(explained);
        }
        sample
    };
    let command = turn("status", 500);
    report.note("\"status\": grammar and dialogue, p50", command.quantile(0.5) * 1e3, "µs");
    let long = turn("please take a snapshot called before-upgrade and then reboot", 200);
    report.note("a compound command: grammar and dialogue, p50", long.quantile(0.5) * 1e3, "µs");
    let sentence = turn(SENTENCE, 50);
    report.note("a sentence for the encoder: the whole turn, p50", sentence.quantile(0.5), "ms");
    let mut rank = Sample::default();
    for _ in 0..50 {
        let begun = Instant::now();
        std::hint::black_box(mind.rank(SENTENCE, "en"));
        rank.add(begun.elapsed());
    }
    report.note("of which encoder and classifier, p50", rank.quantile(0.5), "ms");
    report.note("encoder", f64::from(u8::from(mind.encoder().is_ok())), "loaded");
    Ok(())
}
