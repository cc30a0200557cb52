//! The command line: every verb of `atoll`, and the exit code of what keeps it from starting.

use std::fmt::Write as _;
use std::io::{BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use dialogue::spec::Scope;
use intents::{Encoder, Example, evaluate};
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::chat::{self, Chat};
use crate::config::{Config, ConfigError, Grant, Purpose};
use crate::explain::{self, Question};
use crate::message::Asker;
use crate::mind::{Mind, MindError};
use crate::store_lock::LockError;
use crate::{doctor, misses, run};

/// The configuration's usual place.
const CONFIG: &str = "/etc/atoll/atoll.toml";
/// Said instead of an encoder's folder: n-grams alone.
const NO_ENCODER: &str = "none";

/// What a verb ends with, besides 0; in the README in the same words.
pub const EXIT_CODES: &str = "Exit codes: 2 the configuration or the command line is wrong, 3 a host can't be reached, \
     4 XMPP refuses, 5 the store is in use by another process, 1 anything else.";

/// Talk to your virtual machines.
#[derive(Parser)]
#[command(name = "atoll", version, about, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the agent.
    Run(Where),
    /// Talk in the terminal, without XMPP.
    Chat {
        /// A machine or hypervisor; the front desk when left out.
        entity: Option<String>,
        #[command(flatten)]
        place: Where,
        /// A libvirt URI instead of a configuration.
        #[arg(long)]
        uri: Option<String>,
        /// Say this one thing and end.
        #[arg(long)]
        say: Option<String>,
        /// Write the conversation as a transcript.
        #[arg(long)]
        record: Option<PathBuf>,
    },
    /// Show what would be understood and done; nothing is.
    Explain {
        /// What is said.
        text: Option<String>,
        /// Read questions from standard input, one JSON object a line, and write an explanation a line.
        #[arg(long)]
        jsonl: bool,
        /// To whom it is said: machine, host or desk.
        #[arg(long, default_value = "machine", value_parser = scope)]
        to: Scope,
        #[command(flatten)]
        model: ModelPlace,
    },
    /// Write a commented configuration.
    Init {
        /// Where; never over a file that is there.
        #[arg(default_value = CONFIG)]
        path: PathBuf,
    },
    /// Prove each leg: configuration, store, model, clock, libvirt, events, XMPP, delivery.
    Doctor(Where),
    /// List what was not understood, as far as the configuration has it kept.
    Misses {
        #[command(flatten)]
        place: Where,
        /// As JSON, one object a line.
        #[arg(long)]
        jsonl: bool,
        /// Only those of the last hours, days or weeks: 12h, 7d, 2w.
        #[arg(long, value_parser = span)]
        since: Option<SignedDuration>,
    },
    /// Train the classifier from the corpus, into the cache.
    Train(ModelPlace),
    /// Measure the classifier by cross-validation on the corpus, or on public benchmark files.
    Evaluate {
        /// CLINC150's data_full.json.
        #[arg(long)]
        clinc: Option<PathBuf>,
        /// Two CSV files with text and label, to learn from and to ask.
        #[arg(long, num_args = 2, value_names = ["TRAIN", "TEST"])]
        csv: Option<Vec<PathBuf>>,
        /// A CSV file with sentences of strangers and the skills they mean ("none" for chatter): asked by the whole way, as the bot hears them.
        #[arg(long, conflicts_with_all = ["clinc", "csv"])]
        heard: Option<PathBuf>,
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
        #[arg(long, default_value = "en")]
        language: String,
        /// Figures as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        model: ModelPlace,
    },
}

#[derive(Args)]
struct Where {
    /// The configuration.
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
}

#[derive(Args)]
struct ModelPlace {
    /// Folder of another sentence encoder's weights than the one that ships; "none" for n-grams alone.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of trained files.
    #[arg(long, env = "ATOLL_TRAINED_DIR")]
    trained: Option<PathBuf>,
}

impl ModelPlace {
    fn weights(&self) -> PathBuf {
        self.model.clone().unwrap_or_default()
    }

    /// The encoder that is measured; one that can't be loaded is an error, not a reason to measure something else.
    fn encoder(&self) -> anyhow::Result<Option<Box<dyn Encoder>>> {
        if self.weights() == Path::new(NO_ENCODER) {
            return Ok(None);
        }
        Ok(Some(intents::encoder::load(&self.weights())?))
    }

    fn trained(&self) -> PathBuf {
        self.trained.clone().unwrap_or_else(|| cache().join("trained"))
    }

    fn mind(&self) -> Result<Mind, MindError> {
        Mind::load(&self.weights(), Some(&self.trained()))
    }
}

fn cache() -> PathBuf {
    let own = std::env::var_os("ATOLL_CACHE").map(PathBuf::from);
    own.unwrap_or_else(|| std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from).join(".cache/atoll"))
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "machine" => Ok(Scope::Machine),
        "host" => Ok(Scope::Host),
        "desk" => Ok(Scope::Desk),
        other => Err(format!("{other} is none of machine, host, desk")),
    }
}

/// The command line as data: what its verbs and options are called.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the command line; errors go to standard error, with an exit code as in [`EXIT_CODES`].
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("ATOLL_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(if matches!(cli.verb, Verb::Run(_)) { "info" } else { "error" })
    });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match perform(cli.verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("atoll: {error:#}");
            ExitCode::from(match () {
                () if error.is::<ConfigError>() => 2,
                () if matches!(error.downcast_ref(), Some(LockError::Held { .. })) => 5,
                () => 1,
            })
        }
    }
}

fn perform(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        // Among the workers, not on the main thread: to that one every message would have to be handed over and back.
        Verb::Run(place) => {
            runtime()?.block_on(async move { tokio::spawn(async move { run::run(&place.config).await }).await })??;
        }
        Verb::Chat { entity, place, uri, say, record } => {
            talk(entity.as_deref(), &place.config, uri, say.as_deref(), record.as_deref())?
        }
        Verb::Explain { text, jsonl, to, model } => explain_texts(text, jsonl, to, &model)?,
        Verb::Init { path } => init(&path)?,
        Verb::Misses { place, jsonl, since } => list_misses(&place.config, jsonl, since)?,
        Verb::Doctor(place) => return Ok(examine(&place.config)),
        Verb::Train(model) => {
            let begun = std::time::Instant::now();
            let mind = model.mind()?;
            let lines: usize =
                mind.book().languages().map(|language| mind.book().words(language).examples().len()).sum();
            print(&format!(
                "{lines} lines, {} skills, encoder {}, {:.1} s\n",
                mind.book().specs().len(),
                mind.encoder().unwrap_or("none"),
                begun.elapsed().as_secs_f64()
            ))?;
        }
        Verb::Evaluate { heard: Some(path), json, model, .. } => hear(&path, json, &model)?,
        Verb::Evaluate { curve: true, json, model, .. } => learn(json, &model)?,
        Verb::Evaluate { clinc, csv, folds, language, wrong, json, picture, model, .. } => {
            let of = match (&clinc, csv.as_deref()) {
                (Some(path), _) => Of::Clinc(path),
                (None, Some([train, test])) => Of::Csv(train, test),
                _ => Of::Corpus { language: &language, folds },
            };
            measure(&of, Shown { wrong, json, picture: picture.as_deref() }, &model)?
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Two workers carry a thousand machines; libvirt and conversations have blocking threads of their own.
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("no runtime")
}

fn now(zone: &jiff::tz::TimeZone) -> Zoned {
    Timestamp::now().to_zoned(zone.clone())
}

fn talk(
    entity: Option<&str>,
    config: &Path,
    uri: Option<String>,
    say: Option<&str>,
    record: Option<&Path>,
) -> anyhow::Result<()> {
    let kept;
    let user = std::env::var("USER").unwrap_or_else(|_| "you".to_owned());
    let mut config = match uri {
        Some(uri) => {
            kept = std::env::temp_dir().join(format!("atoll-chat-{}", std::process::id()));
            let mut config = Config::parse(Path::new("--uri"), "")?;
            config.hypervisor = vec![crate::config::Hypervisor { name: "hv1".to_owned(), uri }];
            config.store.path = kept.clone();
            config.model.trained = cache().join("trained");
            config
        }
        None => {
            kept = PathBuf::new();
            Config::read_to(config, Purpose::Talk)?
        }
    };
    // Whoever sits at the terminal could as well use virsh.
    let jid = format!("{}@terminal", user.to_lowercase());
    config.access.push(Grant { who: jid.clone(), role: dialogue::spec::Role::Admin });
    let house = run::house(&config, "chat")?;
    house.bridge.wait_settled(Duration::from_secs(10));
    let to = chat::entity(&*house.bridge, entity).map_err(anyhow::Error::msg)?;
    let chat = Chat {
        bot: Arc::clone(&house.bot),
        entity: to,
        shown: entity.unwrap_or("desk").to_owned(),
        asker: Asker { jid: Some(jid), name: user },
        zone: house.zone.clone(),
    };
    let ended = match say {
        Some(text) => chat.say(text, &mut std::io::stdout()).context("standard output"),
        None => chat.talk(record),
    };
    if !kept.as_os_str().is_empty() {
        drop(chat);
        drop(house);
        std::fs::remove_dir_all(&kept).context("the conversation's folder")?;
    }
    ended
}

fn explain_texts(text: Option<String>, jsonl: bool, to: Scope, model: &ModelPlace) -> anyhow::Result<()> {
    let mind = model.mind()?;
    let now = now(&jiff::tz::TimeZone::system());
    match text {
        Some(text) => {
            let explained = explain::explain(&mind, &Question { text, to, machines: None }, &now);
            print(&(serde_json::to_string_pretty(&explained)? + "\n"))?;
        }
        None if jsonl => explain::batch(&mind, BufReader::new(std::io::stdin()), std::io::stdout().lock(), &now)?,
        None => bail!("say what to explain, or --jsonl"),
    }
    Ok(())
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let span: jiff::Span = text.parse().map_err(|_| format!("{text} is no length of time like 12h, 7d or 2w"))?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())
}

fn list_misses(path: &Path, jsonl: bool, since: Option<SignedDuration>) -> anyhow::Result<()> {
    let config = Config::read(path)?;
    let mut misses = misses::read(&config.store.path).context("what was not understood can't be read")?;
    let keep = since.map_or(config.misses.days(), |since| since.min(config.misses.days()));
    let now = Timestamp::now();
    misses.retain(|miss| now.duration_since(miss.at) <= keep);
    let mut out = std::io::stdout().lock();
    if jsonl {
        for miss in &misses {
            serde_json::to_writer(&mut out, miss)?;
            out.write_all(b"\n")?;
        }
    } else if !misses.is_empty() {
        let book = dialogue::book::Book::load(crate::skills::specs(), &crate::mind::corpus())?;
        out.write_all(misses::report(&misses, &book, &crate::mind::corpus()).as_bytes())?;
    }
    if !config.misses.keep {
        let path = path.display();
        eprintln!("Nothing is written down: set keep = true under [misses] in {path}, and start the agent again.");
    } else if misses.is_empty() {
        eprintln!("Nothing has been misunderstood in that time, or nobody has spoken.");
    }
    Ok(())
}

fn init(path: &Path) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} is not written", path.display()))?;
    file.write_all(crate::config::DEFAULTS.as_bytes())?;
    print(&format!(
        "{} is written. Fill in xmpp.secret, [[hypervisor]] and [[access]]; then: atoll doctor --config {}\n",
        path.display(),
        path.display()
    ))
}

fn examine(path: &Path) -> ExitCode {
    let legs = match runtime() {
        Ok(runtime) => {
            let legs = runtime.block_on(doctor::examine(path));
            // A hung libvirt call must not keep the doctor from leaving.
            runtime.shutdown_background();
            legs
        }
        Err(error) => {
            eprintln!("atoll: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    for leg in &legs {
        let line = match &leg.state {
            Ok(detail) => format!("  ok   {:<9} {detail}\n", leg.name),
            Err(why) => format!("  FAIL {:<9} {why}\n", leg.name),
        };
        // The exit code says as much to whoever doesn't listen.
        let _ = print(&line);
    }
    let failed = legs.iter().find(|leg| leg.state.is_err() && leg.name != "model");
    ExitCode::from(match failed.map(|leg| leg.name) {
        None => 0,
        Some("config") => 2,
        Some("libvirt" | "events") => 3,
        Some("xmpp" | "delivery") => 4,
        Some(_) => 1,
    })
}

fn hear(path: &Path, json: bool, model: &ModelPlace) -> anyhow::Result<()> {
    let sentences = crate::evaluate::strangers(path)?;
    let heard = crate::evaluate::heard(&model.mind()?, &sentences, &now(&jiff::tz::TimeZone::UTC));
    print(&if json { serde_json::to_string_pretty(&heard)? + "\n" } else { heard.to_string() })
}

/// To standard output; whoever reads only the beginning of it, as `head` does, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

fn learn(json: bool, model: &ModelPlace) -> anyhow::Result<()> {
    let encoder = model.encoder()?;
    let book = dialogue::book::Book::load(crate::skills::specs(), &crate::mind::corpus())?;
    let (examples, misses) = crate::mind::lessons(&book);
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
            let book = dialogue::book::Book::load(crate::skills::specs(), &crate::mind::corpus())?;
            let (examples, misses) = crate::mind::lessons(&book);
            let report = evaluate::cross_validate(&examples, &misses, encoder, cache, *folds)?.language(language);
            beside = Some(crate::evaluate::beside(&book, &report, language, &now(&jiff::tz::TimeZone::UTC)));
            report
        }
    };
    if let Some(path) = shown.picture {
        let labels: Vec<&str> =
            report.labels.iter().map(|row| row.label.as_str()).filter(|label| !label.is_empty()).collect();
        std::fs::write(path, crate::evaluate::picture(&report, &labels)).with_context(|| path.display().to_string())?;
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
