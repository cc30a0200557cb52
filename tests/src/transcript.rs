//! Transcripts: plain text in which people, the bot, the host and the clock take turns. Whole words are compared.
//!
//! A file is scenarios; each begins with a `#` line that says what it shows. Lines that drive:
//!
//! | line | does |
//! |---|---|
//! | `given: two_vms` | the fixture of the fake host |
//! | `to: web1` | whom everybody speaks to from here on: a machine, a hypervisor, or `desk` |
//! | `cast: bob operator` | somebody besides `user`, who is alice, an admin; `nobody` is a stranger |
//! | `room: ops@rooms.example.org` | from here on it is said in that room (`room: none` leaves it) |
//! | `user: …`, `bob: …` | is said |
//! | `edit: …` | alice edits her last message |
//! | `late: 3 h` | the next message was under way that long |
//! | `sent: 30 s` | the next message was written that long ago |
//! | `device: phone` | from here on it is said on that device |
//! | `id: m1` | the next message has that id |
//! | `lost: question` | what the next message is answered with does not reach its device |
//! | `event: web1 crashed` | happens on the host by itself |
//! | `wait: 3 min` | the clock moves |
//! | `fault: 2 timed_out` | the second op from now fails so; `fault: 1 stuck`: no answer comes, and it is under way until it comes back; `fault: 1 panic` breaks in it, `fault: plan panic` in the next plan |
//! | `fault: 1 long` | the next op takes so long that its asker is told of it, until `ends:`; `progress: 40` says how far it is |
//! | `stubborn: web1` | that guest hears nothing from here on, until `obeys: web1` |
//! | `remade: web1` | somebody deletes that machine and defines another of its name |
//! | `pool: ssd 100` | hv1 has another pool of so many GiB |
//! | `backing: db1 data.qcow2` | that volume becomes the backing file of that machine |
//! | `comes back: happens` | what is under way ends: it happens, or fails so (`comes back: busy`) |
//! | `define: vm- 500` | so many machines are defined from outside, and undefined by `undefine: vm-` |
//! | `restart:` | the agent is stopped and started |
//!
//! Lines that are compared, and rewritten by `UPDATE=1`: `host:` what was applied, `bot:` what was answered (further lines of
//! one answer are indented by four spaces), `told:` what everybody else heard.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use agent::channels::terminal;
use agent::config::Grant;
use agent::conversation::{Bot, Parts};
use agent::events::InFlight;
use agent::host::HostEvent;
use agent::host::fake::{Fake, Trouble};
use agent::host::{HostErrorKind, Pool, Use, UsedAs, Uses};
use agent::message::{Answer, Asker, Channel, Message};
use agent::nlu::Nlu;
use agent::people::contacts::{ContactBook, Nobody};
use agent::people::languages::Languages;
use agent::state::journal::Journal;
use agent::state::lock::StoreLock;
use agent::state::store::Store;
use dialogue::machine::Utterance;
use dialogue::spec::Role;
use jiff::{SignedDuration, Timestamp, Zoned};
use parking_lot::Mutex;

/// When every scenario begins.
const BEGINS: &str = "2026-11-21T12:00:00Z";

/// One scenario of a file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// Its lines, without the `#` line.
    pub lines: Vec<String>,
}

/// The scenarios of a file, with what stands before the first.
pub fn scenarios(text: &str) -> (Vec<String>, Vec<Scenario>) {
    let mut before = Vec::new();
    let mut list: Vec<Scenario> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("# "), list.last_mut()) {
            (Some(name), _) => list.push(Scenario { name: name.trim().to_owned(), lines: Vec::new() }),
            (None, Some(scenario)) => scenario.lines.push(line.to_owned()),
            (None, None) => before.push(line.to_owned()),
        }
    }
    (before, list)
}

/// Words and classifier, loaded once in a process.
pub fn nlu() -> &'static Arc<Nlu> {
    static MIND: OnceLock<Arc<Nlu>> = OnceLock::new();
    MIND.get_or_init(|| {
        let cache = cache();
        Arc::new(Nlu::load(&model(), Some(&cache.join("trained"))).expect("the corpus loads"))
    })
}

/// The shared cache folder.
pub fn cache() -> PathBuf {
    std::env::var_os("ATOLL_CACHE")
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/atoll"), PathBuf::from)
}

/// The sentence encoder's folder.
pub fn model() -> PathBuf {
    PathBuf::new()
}

/// Plays a scenario; gives its lines with what really happened.
///
/// # Errors
/// A line that drives nothing, or a fixture that isn't there.
pub fn play(scenario: &Scenario) -> Result<Vec<String>, String> {
    let mut stage: Option<Stage> = None;
    let mut played = Vec::new();
    for line in &scenario.lines {
        if line.trim().is_empty() || line.starts_with("//") {
            played.push(line.clone());
            continue;
        }
        if line.starts_with("    ") {
            continue;
        }
        let (word, rest) = line.split_once(':').ok_or_else(|| format!("no word before a colon: {line}"))?;
        let rest = rest.trim();
        if matches!(word, "bot" | "host" | "told") {
            continue;
        }
        played.push(line.clone());
        match (word, &mut stage) {
            ("given", _) => stage = Some(Stage::new(rest)?),
            (word, Some(stage)) => played.extend(stage.line(word, rest)?),
            (word, None) => return Err(format!("`given:` comes before `{word}:`")),
        }
    }
    Ok(played)
}

/// To a device that hears all, or nothing.
struct Wire<'a> {
    said: &'a mut Vec<String>,
    lost: bool,
}

impl Channel for Wire<'_> {
    fn say(&mut self, answer: Answer) -> bool {
        if !self.lost {
            self.said.push(answer.rendered.text);
        }
        !self.lost
    }
}

struct Stage {
    fake: Arc<Fake>,
    heard: tokio::sync::mpsc::UnboundedReceiver<HostEvent>,
    bot: Option<Bot>,
    journal: Arc<Journal>,
    languages: Arc<Languages>,
    lock: Arc<StoreLock>,
    _folder: tempfile::TempDir,
    told: Arc<Mutex<Vec<String>>>,
    flights: Arc<InFlight>,
    cast: Vec<(String, Role)>,
    to: String,
    room: Option<String>,
    late: Option<SignedDuration>,
    sent: Option<SignedDuration>,
    device: String,
    id: Option<String>,
    lost: bool,
    now: Timestamp,
}

impl Stage {
    fn new(fixture: &str) -> Result<Self, String> {
        let now: Timestamp = BEGINS.parse().expect("a time");
        let (fake, heard) = Fake::new(fixture, now).map_err(|error| error.to_string())?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let lock = StoreLock::take(folder.path(), "transcript").map_err(|error| error.to_string())?;
        let journal = Arc::new(Journal::in_memory());
        let mut stage = Self {
            fake,
            heard,
            bot: None,
            languages: Arc::new(Languages::new("en", Arc::clone(&journal), &Default::default())),
            journal,
            lock,
            _folder: folder,
            told: Arc::default(),
            flights: Arc::default(),
            cast: vec![("alice".to_owned(), Role::Admin)],
            to: "web1".to_owned(),
            room: None,
            late: None,
            sent: None,
            device: String::new(),
            id: None,
            lost: false,
            now,
        };
        stage.raise();
        Ok(stage)
    }

    /// Starts the agent on what is kept.
    fn raise(&mut self) {
        self.bot = None;
        let grants: Vec<Grant> =
            self.cast.iter().map(|(name, role)| Grant { who: format!("{name}@example.org"), role: *role }).collect();
        let told = Arc::clone(&self.told);
        let affairs = ContactBook::new(
            Arc::clone(&self.journal),
            Box::new(Nobody),
            Box::new(|| {
                let detail = dialogue::reply::Phrase::new("agent.doctor/detail").with("text", "fake");
                vec![agent::skill::Health { leg: "libvirt", state: Ok(detail) }]
            }),
        );
        let journal = Arc::clone(&self.journal);
        let bot = Bot::new(Parts {
            affairs: Arc::new(affairs),
            in_flight: Arc::clone(&self.flights),
            languages: Arc::clone(&self.languages),
            notices: Box::new(move |notice| told.lock().push(notice.text)),
            ..Parts::over(nlu(), &self.fake, &grants, journal, open_store(&self.lock))
        });
        self.bot = Some(bot.with_counted_references());
    }

    fn line(&mut self, word: &str, rest: &str) -> Result<Vec<String>, String> {
        match word {
            "to" => self.to = rest.to_owned(),
            "room" => self.room = Some(rest.to_owned()).filter(|room| room != "none"),
            "cast" => {
                for one in rest.split(',') {
                    let (name, role) = one.trim().split_once(' ').ok_or_else(|| format!("`cast: name role`: {one}"))?;
                    let role = match role.trim() {
                        "viewer" => Role::Viewer,
                        "operator" => Role::Operator,
                        "admin" => Role::Admin,
                        other => return Err(format!("no role {other}")),
                    };
                    self.cast.push((name.to_owned(), role));
                }
                self.raise();
            }
            "restart" => self.raise(),
            "device" => self.device = rest.to_owned(),
            "id" => self.id = Some(rest.to_owned()),
            "lost" => self.lost = true,
            "late" => self.late = Some(span(rest)?),
            "sent" => self.sent = Some(span(rest)?),
            "fault" if rest == "plan panic" => self.fake.break_plan(),
            "fault" => {
                let (nth, kind) = rest.split_once(' ').ok_or_else(|| format!("`fault: nth kind`: {rest}"))?;
                let nth = nth.parse().map_err(|_| format!("no number: {nth}"))?;
                match kind {
                    "panic" => self.fake.trouble(nth, Trouble::Breaks),
                    "stuck" => self.fake.trouble(nth, Trouble::Stuck),
                    "long" => {
                        self.fake.trouble(nth, Trouble::Hangs);
                        self.bot().set_answer_within(Duration::from_millis(50));
                    }
                    kind => self.fake.fail(nth, fault(kind)?),
                }
            }
            "progress" => {
                self.fake.set_progress(Some(rest.parse().map_err(|_| format!("no number: {rest}"))?));
            }
            "ends" => {
                self.fake.release();
                if !self.bot().wait_idle(Duration::from_secs(60)) {
                    return Err("a change did not end".to_owned());
                }
                self.bot().set_answer_within(Duration::from_secs(60));
                let mut said = Vec::new();
                self.bot().look_after(&self.zoned(), &mut |_, rendered| said.push(rendered.text));
                return Ok(self.outcome(said));
            }
            "comes back" => {
                self.fake.come_back(if rest == "happens" { None } else { Some(fault(rest)?) });
                return Ok(self.outcome(Vec::new()));
            }
            "define" => {
                let (name, count) = rest.split_once(' ').ok_or_else(|| format!("`define: name count`: {rest}"))?;
                for number in 0..count.parse::<usize>().map_err(|_| format!("no number: {count}"))? {
                    self.fake.define(&format!("{name}{number}")).map_err(|error| error.to_string())?;
                }
                return Ok(self.outcome(Vec::new()));
            }
            "undefine" => {
                let machines = agent::host::HostRead::machines(&*self.fake);
                for machine in machines.iter().filter(|machine| machine.name.starts_with(rest)) {
                    self.fake.happen(&format!("{} undefined", machine.name)).map_err(|error| error.to_string())?;
                }
                return Ok(self.outcome(Vec::new()));
            }
            "remade" => {
                self.fake.remake(rest).ok_or_else(|| format!("no machine {rest}"))?;
                return Ok(self.outcome(Vec::new()));
            }
            "pool" => {
                let (name, size) = rest.split_once(' ').ok_or_else(|| format!("`pool: name GiB`: {rest}"))?;
                let size: u64 = size.parse().map_err(|_| format!("no number: {size}"))?;
                let capacity = grammar::size::Bytes(size << 30);
                let (name, kind) = (name.to_owned(), "dir".to_owned());
                self.fake.add_pool("hv1", Pool { name, kind, active: true, capacity, available: capacity });
            }
            "backing" => {
                let (name, volume) =
                    rest.split_once(' ').ok_or_else(|| format!("`backing: machine volume`: {rest}"))?;
                let by = vec![Use::Machine { name: name.to_owned(), role: UsedAs::Backing }];
                self.fake.set_used("hv1", "default", volume, Uses { by, unseen: Vec::new() });
            }
            "stubborn" | "obeys" => {
                let id = self.fake.id(rest).ok_or_else(|| format!("no machine {rest}"))?;
                self.fake.set_stubborn(&id, word == "stubborn");
            }
            "wait" => {
                self.now += span(rest)?;
                self.fake.set_now(self.now);
                let mut said = Vec::new();
                self.bot().look_after(&self.zoned(), &mut |_, rendered| said.push(rendered.text));
                return Ok(self.outcome(said));
            }
            "event" => {
                self.fake.happen(rest).map_err(|error| error.to_string())?;
                return Ok(self.outcome(Vec::new()));
            }
            "edit" => return self.said("alice", rest, true),
            "user" => return self.said("alice", rest, false),
            name if self.cast.iter().any(|(known, _)| known == name) || name == "nobody" => {
                return self.said(name, rest, false);
            }
            other => return Err(format!("nobody called {other}, and no such line; see tests/src/transcript.rs")),
        }
        Ok(Vec::new())
    }

    fn said(&mut self, who: &str, text: &str, edits_last: bool) -> Result<Vec<String>, String> {
        let entity = terminal::entity(&*self.fake, Some(self.to.as_str()).filter(|to| *to != "desk"))?;
        let message = Message {
            asker: Asker { jid: Some(format!("{who}@example.org")).filter(|_| who != "nobody"), name: who.to_owned() },
            entity,
            room: self.room.clone(),
            utterance: Utterance {
                text: text.to_owned(),
                late: self.late.take(),
                sent: self.sent.take().map(|ago| self.now - ago),
                edits_last,
                device: self.device.clone(),
                id: self.id.take(),
            },
            now: self.zoned(),
        };
        let mut said = Vec::new();
        let lost = std::mem::take(&mut self.lost);
        self.bot().converse(&message, &mut Wire { said: &mut said, lost });
        Ok(self.outcome(said))
    }

    /// What happened since the last line, as lines.
    fn outcome(&mut self, said: Vec<String>) -> Vec<String> {
        let now = self.zoned();
        let mut later = said;
        while let Ok(event) = self.heard.try_recv() {
            self.bot().happened(&event, &now);
            let mut settled = Vec::new();
            self.bot().settle(&event, &now, &mut |_, rendered| settled.push(rendered.text));
            later.extend(settled);
        }
        let mut lines: Vec<String> = self.fake.take_journal().into_iter().map(|op| format!("host: {op}")).collect();
        lines.extend(
            later
                .iter()
                .map(|text| format!("bot:  {}", text.replace('\n', "\n    ")))
                .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()),
        );
        lines.extend(self.told.lock().drain(..).map(|text| format!("told: {text}")));
        lines
    }

    fn bot(&self) -> &Bot {
        self.bot.as_ref().expect("raised when made")
    }

    fn zoned(&self) -> Zoned {
        self.now.to_zoned(jiff::tz::TimeZone::UTC)
    }
}

/// The store of the agent before may hold its lock for a moment longer than the agent.
fn open_store(lock: &Arc<StoreLock>) -> Store {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match Store::open(lock) {
            Ok(store) => return store,
            Err(error) => assert!(std::time::Instant::now() < deadline, "the store stays locked: {error}"),
        }
        std::thread::yield_now();
    }
}

fn span(text: &str) -> Result<SignedDuration, String> {
    text.parse().map_err(|_| format!("no length of time: {text}"))
}

fn fault(text: &str) -> Result<HostErrorKind, String> {
    Ok(match text {
        "not_found" => HostErrorKind::NotFound,
        "exists" => HostErrorKind::Exists,
        "wrong_state" => HostErrorKind::WrongState,
        "unsupported" => HostErrorKind::Unsupported,
        "denied" => HostErrorKind::Denied,
        "no_room" => HostErrorKind::NoRoom,
        "busy" => HostErrorKind::Busy,
        "unreachable" => HostErrorKind::Unreachable,
        "full" => HostErrorKind::Full,
        "lost" => HostErrorKind::Lost,
        "timed_out" => HostErrorKind::TimedOut,
        "failed" => HostErrorKind::Failed,
        other => return Err(format!("no kind of failure {other}")),
    })
}

/// All transcript files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "txt") {
            list.push(path);
        }
    }
    list.sort();
    list
}
