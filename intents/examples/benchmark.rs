//! Measures the classifier, on public benchmarks or by cross-validation on a table of text, label and language:
//! `benchmark (clinc FILE | csv TRAIN TEST | folds FILE [N]) [--n-grams | --minilm] [--validation] [--tables | --json]`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use intents::{Encoder, Example, Model, encoder, evaluate};

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
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

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let folder = encoder::default_folder().ok_or("no home folder, set ATOLL_MODEL_DIR")?;
    let cache = folder.with_file_name("benchmark").join(&arguments[0]);
    let loaded = match (has("--n-grams"), has("--minilm")) {
        (true, _) => None,
        (false, true) => Some(encoder::load(&folder)?),
        (false, false) => Some(encoder::load(Path::new(""))?),
    };
    let loaded: Option<&dyn Encoder> = loaded.as_deref();
    if let [kind, file, ..] = arguments
        && kind == "folds"
    {
        let folds = arguments.get(2).and_then(|number| number.parse().ok()).unwrap_or(5);
        let sentences = evaluate::csv(Path::new(file))?;
        let examples: Vec<Example<'_>> = sentences.iter().map(evaluate::Sentence::example).collect();
        let started = Instant::now();
        let report = evaluate::cross_validate(&examples, &[], loaded, Some(&cache), folds)?;
        eprintln!("measured in {:.1} s", started.elapsed().as_secs_f64());
        if has("--json") {
            println!("{}", serde_json::to_string(&report)?);
            return Ok(());
        }
        for language in report.languages() {
            println!("{language} {:#?}", report.language(language).totals);
        }
        return Ok(());
    }
    let (train, test) = match arguments {
        [kind, file, ..] if kind == "clinc" => {
            let data = evaluate::clinc(Path::new(file))?;
            (data.train, if has("--validation") { data.validation } else { data.test })
        }
        [kind, train, test, ..] if kind == "csv" => (evaluate::csv(Path::new(train))?, evaluate::csv(Path::new(test))?),
        _ => return Err("say `clinc FILE`, `csv TRAIN TEST` or `folds FILE`; the source names the options".into()),
    };
    let train: Vec<Example<'_>> = train.iter().map(evaluate::Sentence::example).collect();
    let test: Vec<Example<'_>> = test.iter().map(evaluate::Sentence::example).collect();

    let started = Instant::now();
    let model = Model::cached(&cache, &train, &[], loaded)?;
    println!("ready in {:.1} s, {:.1} MB", started.elapsed().as_secs_f64(), model.size() as f64 / 1e6);
    let report = evaluate::ask(&model, &test, loaded, Some(&cache))?;
    if has("--json") {
        println!("{}", serde_json::to_string(&report)?);
    } else if has("--tables") {
        println!("{report}\n{}", report.confusion());
    } else {
        println!("{:#?}", report.totals);
    }
    for point in report.curve.iter().filter(|point| point.rejection_recall > 0.0) {
        println!(
            "rejecting below {:.2}: in scope {:.2} %, out of scope {:.2} %",
            point.threshold,
            point.accuracy * 100.0,
            point.rejection_recall * 100.0
        );
    }
    let started = Instant::now();
    for example in test.iter().take(200) {
        model.rank(example.text, loaded)?;
    }
    println!("{:.2} ms per sentence", started.elapsed().as_secs_f64() * 1000.0 / 200.0);
    Ok(())
}
