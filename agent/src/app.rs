//! `atoll run`: hosts, XMPP, conversations and the web chat put together, until told to stop.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use jid::BareJid;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::channels::directory::{EntityDirectory, Manner};
use crate::channels::dispatch::{Dispatcher, join};
use crate::channels::rooms::{Rooms, Seat};
use crate::channels::xmpp::event::Event;
use crate::channels::xmpp::service::{Handle, Service, ServiceConfig};
use crate::channels::xmpp::settings::{LinkConfig, Secret, Tls, Trust};
use crate::config::{Config, Purpose};
use crate::conversation::{Bot, Caution, Parts};
use crate::error::guarded;
use crate::events::{InFlight, Notice};
use crate::host::libvirt::{Bridge, HostConfig, Timeouts};
use crate::host::{HostEvent, HostRead};
use crate::nlu::misses::{self, Misses};
use crate::nlu::{Learning, Nlu};
use crate::people::access::Access;
use crate::people::addresses::Addresses;
use crate::people::contacts::{ContactBook, Contacts};
use crate::people::languages::Languages;
use crate::state::journal::{Journal, News, Opened, Table, Unfinished};
use crate::state::lock::StoreLock;
use crate::state::store::Store;

pub mod doctor;
pub(crate) mod health;
pub mod memory;

/// The XMPP side: who speaks, who is who, and who sits in which room.
type Channel = (Handle, Arc<EntityDirectory>, Arc<Rooms>);

/// Everything that a channel needs, without XMPP: what `atoll chat` and `atoll run` share.
pub struct Assembled {
    /// The bot.
    pub bot: Arc<Bot>,
    /// The hosts.
    pub bridge: Arc<Bridge>,
    /// What happens on them.
    pub events: mpsc::UnboundedReceiver<HostEvent>,
    /// The agent's own affairs.
    pub affairs: Arc<ContactBook>,
    /// What everybody should hear.
    pub notices: mpsc::UnboundedReceiver<Notice>,
    /// What holds by the journal.
    pub facts: Table,
    /// What was begun before the last stop and never ended.
    pub unfinished: Vec<Unfinished>,
    /// The journal.
    pub journal: Arc<Journal>,
    /// Words and classifier.
    pub nlu: Arc<Nlu>,
    /// The XMPP side, once it is there.
    pub handle: Arc<OnceLock<Channel>>,
    /// Time zone of people whose client doesn't tell.
    pub zone: jiff::tz::TimeZone,
}

/// Puts the agent together: journal, store, words, hosts. Hosts that can't be reached are tried again by themselves. `verb` is what another
/// process is told that finds the store in use.
///
/// # Errors
/// With what can't be had: the store's folder, the corpus.
pub fn assemble(config: &Config, verb: &str) -> anyhow::Result<Assembled> {
    assemble_with(config, verb, &|_| Box::new(()))
}

/// As [`house`]; `learning` as in [`Nlu::load_with`].
///
/// # Errors
/// As [`house`].
pub fn assemble_with(config: &Config, verb: &str, learning: &Learning) -> anyhow::Result<Assembled> {
    let lock = StoreLock::take(&config.store.path, verb)?;
    let Opened { journal, facts, unfinished } = Journal::open(&lock, config.store.keep())?;
    let journal = Arc::new(journal);
    let store = Store::open(&lock)?;
    let nlu = Arc::new(Nlu::load_with(&config.model.path, Some(&config.trained()), learning)?);
    if let Err(why) = nlu.encoder() {
        tracing::warn!(why, "there is no sentence encoder; going on with grammar and n-grams");
    }
    let hosts = config
        .hypervisor
        .iter()
        .map(|hypervisor| HostConfig { name: hypervisor.name.clone(), uri: hypervisor.uri.clone() })
        .collect();
    let timeouts = Timeouts {
        read: Duration::from_secs(config.libvirt.read_timeout),
        write: Duration::from_secs(config.libvirt.write_timeout),
        resync: Duration::from_secs(config.libvirt.resync_every),
        copy_bandwidth: config.libvirt.copy_bandwidth,
        ..Timeouts::default()
    };
    let (bridge, events) = Bridge::start(hosts, timeouts);
    // What exists is what the facts say, until libvirt says otherwise.
    let remembered = Addresses::restored(&facts);
    bridge.remember(remembered.machines().map(|(id, name)| (id.clone(), name.to_owned())));
    let zone = jiff::tz::TimeZone::get(&config.time_zone).context("time_zone")?;
    let handle: Arc<OnceLock<Channel>> = Arc::default();
    let carrier = {
        let handle = Arc::clone(&handle);
        Box::new(OverXmpp(handle))
    };
    let health = {
        let (bridge, nlu, handle) = (Arc::clone(&bridge), Arc::clone(&nlu), Arc::clone(&handle));
        let journal = Arc::clone(&journal);
        Box::new(move || health::look(&bridge, &nlu, &journal, handle.get().map(|(handle, ..)| handle)))
    };
    let may_be_room = {
        let handle = Arc::clone(&handle);
        Box::new(move |room: &str| {
            let room = BareJid::new(room);
            room.is_ok_and(|room| handle.get().is_none_or(|(handle, ..)| handle.may_be_room(&room)))
        })
    };
    let affairs = ContactBook::new(Arc::clone(&journal), carrier, health).with_rooms_where(may_be_room);
    let affairs = Arc::new(affairs);
    let (tell, notices) = mpsc::unbounded_channel();
    let bot = Bot::new(Parts {
        nlu: Arc::clone(&nlu),
        host: Arc::clone(&bridge) as _,
        affairs: Arc::clone(&affairs) as _,
        access: Access::new(&config.access),
        journal: Arc::clone(&journal),
        store,
        in_flight: Arc::new(InFlight::default()),
        caution: Caution {
            ask_disruptive: config.policy.ask_disruptive,
            most_at_once: config.policy.most_at_once,
            shutdown_patience: SignedDuration::from_secs(60),
            answer_within: Duration::from_secs(config.policy.answer_within),
        },
        languages: Arc::new(Languages::new(&config.language, Arc::clone(&journal), &facts)),
        desk: config.xmpp.domain.clone(),
        notices: Box::new(move |notice| drop(tell.send(notice))),
    });
    let days = config.misses.days();
    let bot = if config.misses.keep {
        bot.with_misses(Misses::open(&config.store.path, days, Timestamp::now(), nlu.book()))
    } else {
        if let Err(error) = misses::retire(&config.store.path, days, Timestamp::now()) {
            tracing::warn!(%error, "what was not understood once can't be let go");
        }
        bot
    };
    Ok(Assembled {
        bot: Arc::new(bot),
        bridge,
        events,
        affairs,
        notices,
        facts,
        unfinished,
        journal,
        nlu,
        handle,
        zone,
    })
}

/// Contacts and rooms as the XMPP side has them, once it is there.
struct OverXmpp(Arc<OnceLock<Channel>>);

impl OverXmpp {
    fn channel(&self) -> Result<&Channel, String> {
        self.0.get().ok_or_else(|| "there is no XMPP here".to_owned())
    }
}

impl Contacts for OverXmpp {
    fn allow(&self, who: &str, entity: &str) -> Result<(), String> {
        let (handle, board, _) = self.channel()?;
        handle.offer(&bare(who)?, local(board, entity)?.as_deref());
        Ok(())
    }

    fn remove(&self, who: &str, entity: &str) -> Result<(), String> {
        let (handle, board, _) = self.channel()?;
        handle.revoke(&bare(who)?, local(board, entity)?.as_deref());
        Ok(())
    }

    fn join(&self, room: &str, entity: &str, by: &str) -> Result<(), String> {
        let (handle, board, rooms) = self.channel()?;
        let (room, by, local) = (bare(room)?, bare(by)?, local(board, entity)?);
        if !handle.join(join(board, room.clone(), local.clone())) {
            return Err(format!("unusable: {room}"));
        }
        rooms.take(Seat { room, local }, &by);
        Ok(())
    }

    fn leave(&self, room: &str, entity: &str) -> Result<(), String> {
        let (handle, board, rooms) = self.channel()?;
        let (room, local) = (bare(room)?, local(board, entity)?);
        handle.leave(local.as_deref(), &room);
        rooms.give_up(&Seat { room, local });
        Ok(())
    }
}

fn bare(text: &str) -> Result<BareJid, String> {
    BareJid::new(text).map_err(|error| error.to_string())
}

/// The localpart of an entity by its name.
fn local(board: &EntityDirectory, name: &str) -> Result<Option<String>, String> {
    board.find(name).ok_or_else(|| format!("unknown: {name}"))
}

/// The link's settings from the configuration's.
///
/// # Errors
/// When the domain or the TLS setting can't be read.
pub fn link(config: &Config) -> anyhow::Result<LinkConfig> {
    let domain =
        BareJid::new(&config.xmpp.domain).with_context(|| format!("xmpp.domain = \"{}\"", config.xmpp.domain))?;
    let mut link = LinkConfig::new(config.xmpp.servers.clone(), domain, Secret::new(config.xmpp.secret.reveal()));
    link.allow_cleartext = config.xmpp.allow_cleartext;
    link.tls = match config.xmpp.tls.as_str() {
        "" => None,
        pinned if pinned.starts_with("sha256:") => Some(Tls {
            name: None,
            trust: Trust::Pinned(
                fingerprint(&pinned["sha256:".len()..]).context("xmpp.tls: 64 hex digits follow sha256:")?,
            ),
        }),
        file => Some(Tls { name: None, trust: Trust::Ca(file.into()) }),
    };
    Ok(link)
}

fn fingerprint(hex: &str) -> Option<[u8; 32]> {
    let digits: String = hex.chars().filter(|character| *character != ':').collect();
    let mut bytes = [0u8; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Looks after the journal's file every second; what there is to tell of it comes out.
fn watch(journal: Arc<Journal>) -> mpsc::UnboundedReceiver<News> {
    let (tell, news) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            second.tick().await;
            let journal = Arc::clone(&journal);
            // A disk may take its time.
            let looked = tokio::task::spawn_blocking(move || journal.look()).await;
            for one in looked.unwrap_or_default() {
                if tell.send(one).is_err() {
                    return;
                }
            }
        }
    });
    news
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting; once it runs, it goes on.
pub async fn run(path: &Path) -> anyhow::Result<()> {
    // A write beyond a limit of size (SIGXFSZ) is an error like a full disk, and no end.
    let _too_large = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25))?;
    let config = Config::read_to(path, Purpose::Run)?;
    // Each host takes some descriptors; the usual soft limit is an old one, for programs that can't count further.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the number of open files stays as limited as it is");
    }
    let Assembled {
        bot,
        bridge,
        mut events,
        affairs,
        mut notices,
        facts,
        unfinished,
        journal,
        nlu,
        handle: slot,
        zone,
    } = tokio::task::spawn_blocking({
        let config = config.clone();
        move || assemble(&config, "run")
    })
    .await
    .context("startup panicked")??;
    let mut journal_news = watch(Arc::clone(&journal));
    let absent = journal.last().map(|last| Timestamp::now().duration_since(last));
    let host: Arc<dyn HostRead> = Arc::clone(&bridge) as _;
    // Before anybody can be heard: nobody else gets in between.
    let cut_off = tokio::task::spawn_blocking({
        let (bot, facts) = (Arc::clone(&bot), facts.clone());
        move || bot.take_up(&facts, unfinished)
    })
    .await
    .context("going on with what was cut off panicked")?;
    let rooms = Arc::new(Rooms::new(Arc::clone(&journal), &facts));
    let board = Arc::new(EntityDirectory::new(
        Arc::clone(&host),
        nlu,
        bot.access().clone(),
        journal,
        &facts,
        Manner { language: config.language.clone(), domain: config.xmpp.domain.clone(), zone: zone.clone() },
    ));
    // Tens of megabytes where there are thousands of machines, and from here on others know what was in them.
    drop(facts);
    // Not that anything depended on it: so hosts that answer at once are shown once, as they are.
    let settled = Arc::clone(&bridge);
    tokio::task::spawn_blocking(move || settled.wait_settled(Duration::from_secs(5)))
        .await
        .context("the bridge ended")?;
    let mut news = board.sync();
    let (handle, mut heard) = Service::start(
        ServiceConfig { link: link(&config)?, features: Vec::new(), domains: config.domains() },
        Arc::clone(&board) as _,
        Arc::clone(&board) as _,
        Arc::clone(&board) as _,
    );
    if slot.set((handle.clone(), Arc::clone(&board), Arc::clone(&rooms))).is_err() {
        anyhow::bail!("the XMPP side was started twice");
    }
    for contact in crate::channels::xmpp::contacts::Roster::load(&*board) {
        affairs.contact(contact.person.as_str(), &board.name(contact.entity.as_deref()), contact.sees_us);
    }
    if !config.http.listen.is_empty() {
        crate::channels::http::serve(&config)
            .await
            .with_context(|| format!("http.listen = \"{}\"", config.http.listen))?;
    }
    let engine = Arc::clone(bot.engine());
    board.show_work(move |machine| engine.work_on(machine));
    let desk = Dispatcher::new(bot, host, Arc::clone(&board), handle.clone(), affairs, zone, rooms, absent);
    let desk = Arc::new(desk);
    desk.enter_rooms(&config);
    tokio::task::spawn_blocking(memory::give_back);
    let mut cut_off = Some(cut_off);
    let mut met = false;
    let hour = Duration::from_secs(3_600);
    let mut hour = tokio::time::interval_at(tokio::time::Instant::now() + hour, hour);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut hung_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = hung_up.recv() => drop(guarded("reading the configuration again", || desk.reload(path))),
            event = heard.recv() => match event {
                Some(event) => {
                    let online = matches!(event, Event::Online { .. });
                    met |= online;
                    guarded("what XMPP says", || desk.xmpp(event));
                    if online {
                        guarded("news of addresses", || desk.tell_news(std::mem::take(&mut news)));
                    }
                    if online && let Some(cut_off) = cut_off.take() {
                        guarded("what was cut off", || desk.tell_unfinished(cut_off));
                    }
                }
                None => break,
            },
            Some(event) = events.recv() => {
                news.extend(guarded("an event", || desk.happened(&event)).unwrap_or_default());
                // The news goes before the presence: servers delay the second of two small packets to a silent client.
                while let Ok(notice) = notices.try_recv() {
                    guarded("telling what happened", || desk.notice(&notice));
                }
                guarded("presence", || desk.looks_changed(&event));
                // Nobody could be told before.
                if met {
                    guarded("news of addresses", || desk.tell_news(std::mem::take(&mut news)));
                }
            }
            Some(notice) = notices.recv() => drop(guarded("telling what happened", || desk.notice(&notice))),
            // Nobody could be told before.
            Some(news) = journal_news.recv(), if met => drop(guarded("news of the journal", || desk.tell_admins(&news.phrase()))),
            _ = second.tick() => desk.look_after(),
            _ = hour.tick() => drop(guarded("addresses of long ago", || desk.tidy_addresses())),
            _ = tokio::signal::ctrl_c() => break,
            _ = terminated.recv() => break,
        }
    }
    tracing::info!("saying goodbye");
    handle.stop().await;
    tokio::task::spawn_blocking(move || board.flush()).await.context("the last facts")?;
    Ok(())
}
