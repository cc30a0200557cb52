//! Measures classifiers and encoders: on public benchmarks, on any two tables, or by cross-validation on a table of text, label,
//! language and near miss (`finetune/corpus.py` makes it of the corpus).
//!
//! ```text
//! benchmark clinc FILE [--validation]       CLINC150's data_full.json
//! benchmark csv TRAIN TEST
//! benchmark folds FILE [N]                  in N folds, five if not said
//!
//! --n-grams | --minilm | --vectors FILE     another encoder than the one that ships: none, MiniLM, vectors made elsewhere
//! --tables | --json                         more than the totals
//! ```
//! And with `folds`:
//! ```text
//! --no-grams            the regression on sentence vectors alone
//! --knn K               the K nearest sentences vote
//! --per-language        a classifier per language
//! --language L          only sentences of that language, learnt and asked
//! --every               ask all that the encoder has not seen, not only what the one that ships hasn't either
//! --row                 one line of a table in Markdown
//! ```

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use intents::evaluate::{self, Classifier, Measured, Method, Report, Sentence, Stored};
use intents::{Encoder, EncoderError, Example, Model, Ranking, encoder};

/// Sentences that are timed.
const TIMED: usize = 200;
/// The weights of the encoder that ships.
const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/weights/bundled.bin");

fn main() -> ExitCode {
    match run(&Arguments(std::env::args().skip(1).collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::from(2)
        }
    }
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Arguments(Vec<String>);

impl Arguments {
    fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|argument| argument == flag)
    }

    fn value(&self, flag: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == flag)?;
        self.0.get(at + 1).map(String::as_str)
    }
}

/// An encoder with what it costs besides the time it takes here.
struct Loaded {
    encoder: Option<Box<dyn Encoder>>,
    bytes: u64,
    milliseconds: f64,
    /// Its vectors are worth keeping.
    keeps: bool,
}

fn load(arguments: &Arguments) -> Outcome<Loaded> {
    let folder = encoder::default_folder().ok_or("no home folder, set ATOLL_MODEL_DIR")?;
    if let Some(path) = arguments.value("--vectors") {
        let stored = Stored::read(Path::new(path))?;
        let (bytes, milliseconds) = (stored.weights(), stored.milliseconds());
        return Ok(Loaded { encoder: Some(Box::new(stored)), bytes, milliseconds, keeps: false });
    }
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let (encoder, bytes) = match (arguments.has("--n-grams"), arguments.has("--minilm")) {
        (true, _) => (None, 0),
        (false, true) => (Some(encoder::load(&folder)?), size(&folder.join("model.safetensors"))),
        (false, false) => (Some(encoder::load(Path::new(""))?), size(Path::new(BUNDLED))),
    };
    Ok(Loaded { encoder, bytes, milliseconds: 0.0, keeps: true })
}

fn run(arguments: &Arguments) -> Outcome<()> {
    let kind = arguments.0.first().map_or("", String::as_str);
    let loaded = load(arguments)?;
    let folder = encoder::default_folder().ok_or("no home folder, set ATOLL_MODEL_DIR")?;
    let cache = folder.with_file_name("benchmark").join(kind);
    match &arguments.0[..] {
        [kind, file, ..] if kind == "folds" => cross_validate(arguments, Path::new(file), &loaded, &cache),
        [kind, file, ..] if kind == "clinc" => {
            let data = evaluate::clinc(Path::new(file))?;
            if arguments.has("--validation") {
                return apart(arguments, &data.train, None, &data.validation, &loaded, &cache);
            }
            apart(arguments, &data.train, Some(&data.validation), &data.test, &loaded, &cache)
        }
        [kind, train, test, ..] if kind == "csv" => {
            let (train, test) = (evaluate::csv(Path::new(train))?, evaluate::csv(Path::new(test))?);
            apart(arguments, &train, None, &test, &loaded, &cache)
        }
        _ => Err("say `clinc FILE`, `csv TRAIN TEST` or `folds FILE`; the source names the options".into()),
    }
}

fn cross_validate(arguments: &Arguments, file: &Path, loaded: &Loaded, cache: &Path) -> Outcome<()> {
    let mut sentences = evaluate::csv(file)?;
    if let Some(language) = arguments.value("--language") {
        sentences.retain(|sentence| sentence.language == language);
    }
    let examples: Vec<Example<'_>> = sentences.iter().map(Sentence::example).collect();
    let misses = sentences.iter().filter(|sentence| !sentence.near.is_empty());
    let misses: Vec<(&str, &str)> = misses.map(|sentence| (sentence.text.as_str(), sentence.near.as_str())).collect();
    let neighbours = arguments.value("--knn").map(str::parse).transpose()?;
    let method = Method {
        classifier: match (neighbours, arguments.has("--no-grams")) {
            (Some(count), _) => Classifier::Neighbours(count),
            (None, true) => Classifier::VectorsAlone,
            (None, false) => Classifier::Shipped,
        },
        encoder: loaded.encoder.as_deref(),
        apart: arguments.has("--per-language"),
        unseen_by: (!arguments.has("--every")).then(|| encoder::bundled() as &dyn Encoder),
        folds: arguments.0.get(2).and_then(|number| number.parse().ok()).unwrap_or(5),
        cache: loaded.keeps.then_some(cache),
    };
    let started = Instant::now();
    let measured = evaluate::compare(&examples, &misses, &method)?;
    eprintln!("measured in {:.1} s", started.elapsed().as_secs_f64());
    if arguments.has("--json") {
        println!("{}", serde_json::to_string(&measured.report)?);
        return Ok(());
    }
    if arguments.has("--row") {
        println!("{}", row(&name(arguments, &method), &measured, loaded)?);
        return Ok(());
    }
    for language in measured.report.languages() {
        let report = measured.report.language(language);
        if arguments.has("--tables") {
            println!("{language}\n{report}\n{}", report.confusion());
        } else {
            println!("{language} {:#?}", report.totals);
        }
        println!("{}", report.rejection());
    }
    Ok(())
}

fn name(arguments: &Arguments, method: &Method<'_>) -> String {
    let encoder = method.encoder.map_or("", Encoder::name);
    let mut name = match method.classifier {
        _ if method.encoder.is_none() => "n-grams".to_owned(),
        Classifier::Shipped => format!("{encoder}, n-grams"),
        Classifier::VectorsAlone => encoder.to_owned(),
        Classifier::Neighbours(count) => format!("{encoder}, {count} nearest"),
    };
    for (flag, said) in [("--per-language", ", a model per language"), ("--every", ", every unseen sentence")] {
        name += if arguments.has(flag) { said } else { "" };
    }
    name
}

/// Per language best label right and right among three, rejected of none, and rejected where 85 % in scope are decided rightly;
/// then milliseconds a sentence, and megabytes of encoder and classifier.
fn row(name: &str, measured: &Measured, loaded: &Loaded) -> Outcome<String> {
    let mut cells = vec![name.to_owned()];
    for language in ["en", "fr"] {
        let report = measured.report.language(language);
        let totals = report.totals;
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        if totals.in_scope == 0 {
            cells.extend(["–".to_owned(), "–".to_owned(), "–".to_owned()]);
            continue;
        }
        let fixed = report.at_accuracy.iter().find(|fixed| fixed.least == 0.85).and_then(|fixed| fixed.best);
        cells.push(format!("{} / {}", percent(totals.top1), percent(totals.top3)));
        cells.push(format!("{} / {}", percent(totals.accuracy), percent(totals.rejection_recall)));
        cells.push(fixed.map_or("–".to_owned(), |point| percent(point.rejection_recall)));
    }
    let asked: Vec<&str> =
        measured.report.predictions.iter().rev().take(TIMED).map(|asked| asked.text.as_str()).collect();
    let fitted = measured.fitted.last().ok_or("nothing was learnt")?;
    let pace = pace(&asked, |text| fitted.rank(text, loaded.encoder.as_deref()))? + loaded.milliseconds;
    let learnt: usize = measured.fitted.iter().map(evaluate::Fitted::size).sum();
    cells.push(format!("{pace:.1}"));
    cells.extend([loaded.bytes as f64, learnt as f64].map(|bytes| format!("{:.0}", bytes / 1e6)));
    Ok(format!("| {} |", cells.join(" | ")))
}

fn examples(sentences: &[Sentence]) -> Vec<Example<'_>> {
    sentences.iter().map(Sentence::example).collect()
}

fn apart(
    arguments: &Arguments,
    train: &[Sentence],
    validation: Option<&[Sentence]>,
    test: &[Sentence],
    loaded: &Loaded,
    cache: &Path,
) -> Outcome<()> {
    let (train, test) = (examples(train), examples(test));
    let encoder = loaded.encoder.as_deref();
    let started = Instant::now();
    let model = match validation {
        Some(validation) => evaluate::validated(&train, &examples(validation), encoder, Some(cache))?,
        None => Model::cached(cache, &train, &[], encoder)?,
    };
    let (took, size) = (started.elapsed().as_secs_f64(), model.size() as f64 / 1e6);
    let report: Report = evaluate::ask(&model, &test, encoder, Some(cache))?;
    if arguments.has("--json") {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    println!("ready in {took:.1} s, {size:.1} MB");
    if arguments.has("--tables") {
        println!("{report}\n{}", report.confusion());
    } else {
        println!("{:#?}", report.totals);
    }
    println!("{}", report.rejection());
    let asked: Vec<&str> = test.iter().take(TIMED).map(|example| example.text).collect();
    println!("{:.2} ms per sentence", pace(&asked, |text| model.rank(text, encoder))?);
    Ok(())
}

/// Milliseconds that a sentence takes: the median, which other work on the machine changes least.
fn pace(texts: &[&str], mut ask: impl FnMut(&str) -> Result<Ranking, EncoderError>) -> Result<f64, EncoderError> {
    let mut times = Vec::new();
    for text in texts {
        let started = Instant::now();
        ask(text)?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}
