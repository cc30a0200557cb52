//! The command line: every verb of `atoll` in a file of its own, and the exit code of what keeps it from its work.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use intents::Encoder;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::app;
use crate::config;
use crate::error::exit_code;
use crate::nlu::{Nlu, NluError};

mod chat;
mod converse;
mod doctor;
mod evaluate;
mod explain;
mod init;
mod journal;
mod misses;
mod papers;
mod progress;

use progress::Progress;

/// The configuration's usual place.
const CONFIG: &str = "/etc/atoll/atoll.toml";
/// Said instead of an encoder's folder: n-grams alone.
const NO_ENCODER: &str = "none";
/// What a verb ends with, besides 0; in the README in the same words.
pub const EXIT_CODES: &str = "Exit codes: 2 the configuration or the command line is wrong, 3 a host can't be reached, \
     4 XMPP refuses, 5 the store is in use by another process, 1 anything else.";

/// Talk to your virtual machines.
#[derive(Parser)]
#[command(name = "atoll", version, about, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the agent.
    Run(Where),
    Chat(chat::Talk),
    Explain(explain::Explain),
    Converse(converse::Converse),
    Init(init::Init),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Journal(journal::Look),
    Misses(misses::Misses),
    /// Train the classifier from the corpus, into the cache.
    Train(ModelPlace),
    // Most of it is paths, and one is made.
    Evaluate(Box<evaluate::Evaluate>),
    Completions(papers::Completions),
    Man(papers::Man),
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

    fn nlu(&self) -> Result<Nlu, NluError> {
        Nlu::load_with(&self.weights(), Some(&self.trained()), &Progress::learning)
    }

    /// What is said here counts instead of what a configuration says.
    fn instead(&self, of: &mut config::Model) {
        if let Some(model) = &self.model {
            of.path.clone_from(model);
        }
        if let Some(trained) = &self.trained {
            of.trained.clone_from(trained);
        }
    }
}

fn cache() -> PathBuf {
    let own = std::env::var_os("ATOLL_CACHE").map(PathBuf::from);
    own.unwrap_or_else(|| std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from).join(".cache/atoll"))
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
    // Colours are for people who look on: a file or a pipe gets plain text, and so does who asks for it (no-color.org).
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(coloured).init();
    match perform(cli.verb) {
        Ok(code) => code,
        Err(error) => {
            let text = format!("{error:#}");
            // Others' words are in it: what they hide or reorder is named.
            text.lines().for_each(|line| eprintln!("atoll: {}", crate::host::names::shown(line)));
            ExitCode::from(exit_code(&error))
        }
    }
}

fn perform(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        // Among the workers, not on the main thread: to that one every message would have to be handed over and back.
        Verb::Run(place) => {
            runtime()?.block_on(async move { tokio::spawn(async move { app::run(&place.config).await }).await })??;
        }
        Verb::Chat(asked) => chat::talk(asked)?,
        Verb::Explain(asked) => explain::explain(asked)?,
        Verb::Converse(asked) => converse::converse(&asked)?,
        Verb::Init(asked) => init::write(&asked)?,
        Verb::Doctor(asked) => return doctor::prove(&asked),
        Verb::Journal(asked) => return journal::look(&asked),
        Verb::Misses(asked) => misses::list(&asked)?,
        Verb::Train(model) => train(&model)?,
        Verb::Evaluate(asked) => evaluate::evaluate(&asked)?,
        Verb::Completions(asked) => papers::completions(&asked)?,
        Verb::Man(asked) => papers::man(&asked)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn train(model: &ModelPlace) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let nlu = model.nlu()?;
    let lines: usize = nlu.book().languages().map(|language| nlu.book().words(language).examples().len()).sum();
    print(&format!(
        "{lines} lines, {} skills, encoder {}, {:.1} s\n",
        nlu.book().specs().len(),
        nlu.encoder().unwrap_or("none"),
        begun.elapsed().as_secs_f64()
    ))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Two workers carry a thousand machines; libvirt and conversations have blocking threads of their own.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // All turns at once (`turns`) and what else may block. Without a bound one more thread begins whenever the next turn comes
    // before the thread of the last one is idle: under load twice as many.
    runtime.worker_threads(2).max_blocking_threads(24).enable_all().build().context("no runtime")
}

/// A length of time on the command line: a day has 24 hours.
fn span(text: &str) -> Result<SignedDuration, String> {
    let span = text.parse::<jiff::Span>().and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()));
    span.map_err(|_| format!("{text} is no length of time like 12h, 7d or 2w"))
}

fn now(zone: &jiff::tz::TimeZone) -> Zoned {
    Timestamp::now().to_zoned(zone.clone())
}

/// To standard output; whoever reads only the beginning of it, as `head` does, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}
