//! `atoll evaluate`: measures the classifier.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use intents::{Example, evaluate};

use super::{ModelPlace, NO_ENCODER, now, print};
use crate::measure::converse::judge::{self, Wrong};

/// Measure the classifier by cross-validation on the corpus, or on public benchmark files.
#[derive(Args)]
pub(super) struct Evaluate {
    /// CLINC150's data_full.json.
    #[arg(long)]
    clinc: Option<PathBuf>,
    /// Two CSV files with text and label, to learn from and to ask.
    #[arg(long, num_args = 2, value_names = ["TRAIN", "TEST"])]
    csv: Option<Vec<PathBuf>>,
    /// A CSV file with sentences of strangers and the skills they mean ("none" for chatter): asked by the whole way, as the bot hears them.
    #[arg(long, conflicts_with_all = ["clinc", "csv"])]
    heard: Option<PathBuf>,
    /// A folder of conversations with what is expected of each turn: held with the bot over a host in memory, and judged.
    #[arg(long, conflicts_with_all = ["clinc", "csv", "heard"])]
    conversations: Option<PathBuf>,
    /// Write the confusion matrix as a picture (SVG).
    #[arg(long)]
    picture: Option<PathBuf>,
    /// How well it is understood after learning from a tenth of the phrasings, a quarter, a half, three quarters, all, per language.
    #[arg(long, conflicts_with_all = ["clinc", "csv", "heard", "picture", "wrong"])]
    curve: bool,
    /// Folds of the cross-validation.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Print every wrong prediction too.
    #[arg(long)]
    wrong: bool,
    /// The language of the corpus.
    #[arg(long, default_value = "en", value_parser = language)]
    language: String,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    model: ModelPlace,
}

/// Measures what was asked for.
pub(super) fn evaluate(asked: &Evaluate) -> anyhow::Result<()> {
    let Evaluate { clinc, csv, heard, conversations, picture, curve, folds, wrong, language, json, model } = asked;
    if let Some(folder) = conversations {
        return converse(folder, *wrong, *json, model);
    }
    if let Some(path) = heard {
        return hear(path, *json, model);
    }
    if *curve {
        return learn(*json, model);
    }
    let of = match (clinc, csv.as_deref()) {
        (Some(path), _) => Of::Clinc(path),
        (None, Some([train, test])) => Of::Csv(train, test),
        _ => Of::Corpus { language, folds: *folds },
    };
    measure(&of, Shown { wrong: *wrong, json: *json, picture: picture.as_deref() }, model)
}

/// One of the corpus.
fn language(text: &str) -> Result<String, String> {
    let known = crate::nlu::languages();
    if known.contains(text) {
        return Ok(text.to_owned());
    }
    Err(format!("there is no such language; known: {}", known.into_iter().collect::<Vec<_>>().join(", ")))
}

fn hear(path: &Path, json: bool, model: &ModelPlace) -> anyhow::Result<()> {
    let sentences = crate::measure::evaluate::strangers(path)?;
    let heard = crate::measure::evaluate::heard(&model.nlu()?, &sentences, &now(&jiff::tz::TimeZone::UTC));
    print(&if json { serde_json::to_string_pretty(&heard)? + "\n" } else { heard.to_string() })
}

fn converse(folder: &Path, wrong: bool, json: bool, model: &ModelPlace) -> anyhow::Result<()> {
    let measured = judge::measure(&Arc::new(model.nlu()?), folder)?;
    if json {
        return print(&(serde_json::to_string_pretty(&measured)? + "\n"));
    }
    let mut text = measured.to_string();
    for one in measured.wrong.iter().filter(|_| wrong) {
        let told = serde_json::to_string(&one.told)?;
        let Wrong { file, line, verdict, to, text: said, expected, .. } = one;
        let _ = writeln!(text, "\n{file}:{line} {verdict:?}\n  {to} < {said}\n  > {told}\n  expected {expected}");
    }
    print(&text)
}

fn learn(json: bool, model: &ModelPlace) -> anyhow::Result<()> {
    let encoder = model.encoder()?;
    let book = dialogue::book::Book::load(crate::skills::specs(), &crate::nlu::corpus())?;
    let (examples, misses) = crate::nlu::lessons(&book);
    let cache = model.trained();
    let curve =
        evaluate::learning_curve(&examples, &misses, encoder.as_deref(), Some(cache.as_path()), &evaluate::SHARES)?;
    if json {
        return print(&(serde_json::to_string_pretty(&curve)? + "\n"));
    }
    let mut text = curve.to_string();
    if curve.encoder_has_seen {
        let _ = writeln!(
            text,
            "\nThe encoder was fine-tuned on these phrasings, all of them at every step: this is what the classifier behind it gains. \
             With --model {NO_ENCODER}, or a folder of MiniLM, nothing was seen before."
        );
    }
    print(&text)
}

/// What is measured.
enum Of<'a> {
    Clinc(&'a Path),
    Csv(&'a Path, &'a Path),
    Corpus { language: &'a str, folds: usize },
}

/// What is printed of it.
struct Shown<'a> {
    wrong: bool,
    json: bool,
    picture: Option<&'a Path>,
}

fn examples(sentences: &[evaluate::Sentence]) -> Vec<Example<'_>> {
    sentences.iter().map(evaluate::Sentence::example).collect()
}

fn measure(of: &Of<'_>, shown: Shown<'_>, model: &ModelPlace) -> anyhow::Result<()> {
    let encoder = model.encoder()?;
    let encoder = encoder.as_deref();
    let cache = model.trained();
    let cache = Some(cache.as_path());
    let mut beside = None;
    let report = match of {
        Of::Clinc(path) => {
            let data = evaluate::clinc(path)?;
            let model = evaluate::validated(&examples(&data.train), &examples(&data.validation), encoder, cache)?;
            evaluate::ask(&model, &examples(&data.test), encoder, cache)?
        }
        Of::Csv(train, test) => {
            let (train, test) = (evaluate::csv(train)?, evaluate::csv(test)?);
            evaluate::held_out(&examples(&train), &[], &examples(&test), encoder, cache)?
        }
        Of::Corpus { language, folds } => {
            let book = dialogue::book::Book::load(crate::skills::specs(), &crate::nlu::corpus())?;
            let (examples, misses) = crate::nlu::lessons(&book);
            let report = evaluate::cross_validate(&examples, &misses, encoder, cache, *folds)?.language(language);
            beside = Some(crate::measure::evaluate::beside(&book, &report, language, &now(&jiff::tz::TimeZone::UTC)));
            report
        }
    };
    if let Some(path) = shown.picture {
        let labels: Vec<&str> =
            report.labels.iter().map(|row| row.label.as_str()).filter(|label| !label.is_empty()).collect();
        std::fs::write(path, crate::measure::evaluate::picture(&report, &labels))
            .with_context(|| path.display().to_string())?;
    }
    if shown.json {
        return print(&(serde_json::to_string_pretty(&report)? + "\n"));
    }
    let mut text = format!("{report}\n{}\n{}", report.confusion(), report.rejection());
    if let Some(beside) = beside {
        let _ = writeln!(text, "\n{beside}");
    }
    if shown.wrong {
        for one in report.wrong() {
            let name = |label: &str| if label.is_empty() { "(none)" } else { label }.to_owned();
            let _ = writeln!(
                text,
                "{:<18} → {:<18} {:.2}  \"{}\"",
                name(&one.expected),
                name(one.best()),
                one.confidence(),
                one.text
            );
        }
    }
    print(&text)
}
