//! `atoll run`: hosts, XMPP, conversations and the web chat put together, until told to stop.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use dialogue::phrases::Rendered;
use dialogue::reply::{Phrase, Reply};
use jid::BareJid;
use jiff::{SignedDuration, Timestamp, Zoned};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::addresses::Entity;
use crate::bot::{Bot, Caution, Host, Message, Parts};
use crate::config::Config;
use crate::events::{InFlight, Notice};
use crate::host::libvirt::{Bridge, Connection, HostConfig, Timeouts};
use crate::host::{EventKind, HostEvent};
use crate::journal::{Fact, Journal, Unfinished};
use crate::mind::Mind;
use crate::office::Affairs;
use crate::reception::{Received, Reception};
use crate::skill::{Leg, OfficeOp};
use crate::store::Store;
use crate::switchboard::{Manner, ROOM, Switchboard};
use crate::xmpp::event::Event;
use crate::xmpp::messages::Heard;
use crate::xmpp::rooms::{Join, RoomEvent};
use crate::xmpp::said::Said;
use crate::xmpp::service::{Handle, NotSaid, Service, ServiceConfig};
use crate::xmpp::settings::{LinkConfig, Secret, Tls, Trust};
use crate::xmpp::subscriptions::Change;

/// A turn that takes longer shows that it is being worked on.
const PATIENCE: Duration = Duration::from_millis(300);
/// An absence shorter than this is not worth a message.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(60);
/// A conversation's lane ends after that much silence.
const IDLE: Duration = Duration::from_secs(60);

/// Everything that a channel needs, without XMPP: what `atoll chat` and `atoll run` share.
pub struct House {
    /// The bot.
    pub bot: Arc<Bot>,
    /// The hosts.
    pub bridge: Arc<Bridge>,
    /// What happens on them.
    pub events: mpsc::UnboundedReceiver<HostEvent>,
    /// The agent's own affairs.
    pub office: Arc<Affairs>,
    /// What everybody should hear.
    pub notices: mpsc::UnboundedReceiver<Notice>,
    /// Facts that the journal remembers.
    pub facts: Vec<Fact>,
    /// What was begun before the last stop and never ended.
    pub unfinished: Vec<Unfinished>,
    /// The journal.
    pub journal: Arc<Journal>,
    /// Words and classifier.
    pub mind: Arc<Mind>,
    /// The XMPP side, once it is there.
    pub handle: Arc<OnceLock<(Handle, Arc<Switchboard>)>>,
    /// Time zone of people whose client doesn't tell.
    pub zone: jiff::tz::TimeZone,
}

/// Puts the house together: journal, store, words, hosts. Hosts that can't be reached are tried again by themselves.
///
/// # Errors
/// With what can't be had: the store's folder, the corpus.
pub fn house(config: &Config) -> anyhow::Result<House> {
    if config.store.keep_days > 0 {
        let keep = SignedDuration::from_hours(24 * i64::from(config.store.keep_days));
        Journal::retire(&config.store.path, keep, Timestamp::now()).context("the journal's old lines")?;
    }
    let (journal, facts, unfinished) =
        Journal::open(&config.store.path).with_context(|| format!("the journal in {}", config.store.path.display()))?;
    let journal = Arc::new(journal);
    let store = Store::open(&config.store.path)?;
    let mind = Arc::new(Mind::load(&config.model.path, Some(&config.trained()))?);
    if let Err(why) = mind.encoder() {
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
        ..Timeouts::default()
    };
    let (bridge, events) = Bridge::start(hosts, timeouts);
    let zone = jiff::tz::TimeZone::get(&config.time_zone).context("time_zone")?;
    let handle: Arc<OnceLock<(Handle, Arc<Switchboard>)>> = Arc::default();
    let carrier = {
        let handle = Arc::clone(&handle);
        Box::new(move |op: &OfficeOp| carry(handle.get(), op))
    };
    let health = {
        let (bridge, mind, handle) = (Arc::clone(&bridge), Arc::clone(&mind), Arc::clone(&handle));
        Box::new(move || health(&bridge, &mind, handle.get()))
    };
    let office = Arc::new(Affairs::new(Arc::clone(&journal), carrier, health));
    let (tell, notices) = mpsc::unbounded_channel();
    let bot = Bot::new(Parts {
        mind: Arc::clone(&mind),
        host: Arc::clone(&bridge) as Arc<dyn Host>,
        office: Arc::clone(&office) as Arc<dyn crate::bot::OfficeWrite>,
        access: Access::new(&config.access),
        journal: Arc::clone(&journal),
        store,
        in_flight: Arc::new(InFlight::default()),
        caution: Caution {
            ask_disruptive: config.policy.ask_disruptive,
            most_at_once: config.policy.most_at_once,
            shutdown_patience: SignedDuration::from_secs(60),
        },
        language: config.language.clone(),
        desk: config.xmpp.domain.clone(),
        notices: Box::new(move |notice| drop(tell.send(notice))),
    });
    Ok(House { bot: Arc::new(bot), bridge, events, office, notices, facts, unfinished, journal, mind, handle, zone })
}

/// Carries out what concerns contacts and rooms.
fn carry(xmpp: Option<&(Handle, Arc<Switchboard>)>, op: &OfficeOp) -> Result<(), String> {
    let (handle, board) = xmpp.ok_or("there is no XMPP here")?;
    let bare = |text: &str| BareJid::new(text).map_err(|error| error.to_string());
    match op {
        OfficeOp::AllowContact { who, entity } => handle.offer(&bare(who)?, board.local_of_name(entity).as_deref()),
        OfficeOp::RemoveContact { who, entity } => handle.revoke(&bare(who)?, board.local_of_name(entity).as_deref()),
        OfficeOp::JoinRoom { room, entity } => {
            handle.join(join(board, bare(room)?, entity));
            board.room_fact(room, entity, true);
        }
        OfficeOp::LeaveRoom { room, entity } => {
            handle.leave(board.local_of_name(entity).as_deref(), &bare(room)?);
            board.room_fact(room, entity, false);
        }
    }
    Ok(())
}

fn join(board: &Switchboard, room: BareJid, entity: &str) -> Join {
    let local = board.local_of_name(entity);
    let nick = if local.is_some() { entity.to_owned() } else { "atoll".to_owned() };
    Join { entity: local, room, nick, password: None, trusted: true }
}

fn health(bridge: &Bridge, mind: &Mind, xmpp: Option<&(Handle, Arc<Switchboard>)>) -> Vec<Leg> {
    let mut legs: Vec<Leg> = bridge
        .status()
        .into_iter()
        .map(|status| Leg {
            name: "libvirt",
            state: match status.connection {
                Connection::Up => Ok(format!("{}: {} machines", status.name, status.machines)),
                Connection::Connecting => Err(format!("{}: connecting", status.name)),
                Connection::Down { reason, .. } => Err(format!("{}: {reason}", status.name)),
            },
        })
        .collect();
    legs.push(Leg { name: "model", state: mind.encoder().map(str::to_owned).map_err(str::to_owned) });
    let connected = xmpp.map(|(handle, _)| handle.status());
    legs.push(Leg {
        name: "xmpp",
        state: match connected.and_then(|status| status.server) {
            Some(server) => Ok(server),
            None => Err("not connected".to_owned()),
        },
    });
    legs
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

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting; once it runs, it goes on.
pub async fn run(path: &Path) -> anyhow::Result<()> {
    let config = Config::read(path)?;
    let House { bot, bridge, mut events, office, mut notices, facts, unfinished, journal, mind, handle: slot, zone } =
        tokio::task::spawn_blocking({
            let config = config.clone();
            move || house(&config)
        })
        .await
        .context("the house fell in")??;
    let absent = journal.last().map(|last| Timestamp::now().duration_since(last));
    let host: Arc<dyn Host> = Arc::clone(&bridge) as Arc<dyn Host>;
    let board = Arc::new(Switchboard::new(
        Arc::clone(&host),
        mind,
        bot.access().clone(),
        journal,
        &facts,
        Manner { language: config.language.clone(), domain: config.xmpp.domain.clone(), zone: zone.clone() },
    ));
    // Addresses need names; a host that is down now gets its machines when it is back.
    let settled = Arc::clone(&bridge);
    tokio::task::spawn_blocking(move || settled.wait_settled(Duration::from_secs(5)))
        .await
        .context("the bridge ended")?;
    board.sync();
    let (handle, mut heard) = Service::start(
        ServiceConfig { link: link(&config)?, features: Vec::new() },
        Arc::clone(&board) as _,
        Arc::clone(&board) as _,
        Arc::clone(&board) as _,
    );
    if slot.set((handle.clone(), Arc::clone(&board))).is_err() {
        anyhow::bail!("the XMPP side was started twice");
    }
    for room in &config.room {
        let entity = room.entity.clone().unwrap_or_default();
        handle.join(join(&board, BareJid::new(&room.address).context("room")?, &entity));
    }
    for (_, _, value) in facts.iter().filter(|(sort, _, _)| sort == ROOM) {
        if let (Some(room), Some(entity)) = (value["room"].as_str(), value["entity"].as_str()) {
            handle.join(join(&board, BareJid::new(room).context("room")?, entity));
        }
    }
    for contact in crate::xmpp::contacts::Roster::load(&*board) {
        office.contact(contact.person.as_str(), &name_of(&board, &host, contact.entity.as_deref()), contact.sees_us);
    }
    if !config.http.listen.is_empty() {
        crate::http::serve(&config).await.with_context(|| format!("http.listen = \"{}\"", config.http.listen))?;
    }
    let trusted =
        config.room.iter().filter_map(|room| Some(BareJid::new(&room.address).ok()?.domain().to_string())).collect();
    let desk = Desk {
        bot,
        host,
        board,
        handle: handle.clone(),
        office,
        reception: Reception::default(),
        lanes: Mutex::default(),
        zone,
        absent: Mutex::new(absent),
        zones: Mutex::default(),
        trusted,
    };
    let desk = Arc::new(desk);
    let mut unfinished = Some(unfinished);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut hung_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = hung_up.recv() => desk.reload(path),
            event = heard.recv() => match event {
                Some(event) => {
                    let online = matches!(event, Event::Online { .. });
                    desk.xmpp(event);
                    if online && let Some(unfinished) = unfinished.take() {
                        desk.tell_unfinished(&unfinished);
                    }
                }
                None => break,
            },
            Some(event) = events.recv() => {
                desk.happened(&event);
                // The news goes before the presence: servers delay the second of two small packets to a silent client.
                while let Ok(notice) = notices.try_recv() {
                    desk.notice(&notice);
                }
                desk.looks_changed(&event);
            }
            Some(notice) = notices.recv() => desk.notice(&notice),
            _ = second.tick() => desk.look_after(),
            _ = tokio::signal::ctrl_c() => break,
            _ = terminated.recv() => break,
        }
    }
    tracing::info!("saying goodbye");
    handle.stop().await;
    Ok(())
}

fn name_of(board: &Switchboard, host: &Arc<dyn Host>, local: Option<&str>) -> String {
    match board.at(local) {
        Some(Entity::Hypervisor(name)) => name,
        Some(Entity::Machine(id)) => host.machine(&id).map(|machine| machine.name.clone()).unwrap_or_default(),
        Some(Entity::Desk) | None => board.domain().to_owned(),
    }
}

/// A message to be taken, with what its answer needs.
type Job = (Box<Message>, Box<Heard>);

/// The running agent's desk: everything that comes in is handed on from here.
struct Desk {
    bot: Arc<Bot>,
    host: Arc<dyn Host>,
    board: Arc<Switchboard>,
    handle: Handle,
    office: Arc<Affairs>,
    reception: Reception,
    /// One lane a conversation: its messages are taken in order.
    lanes: Mutex<HashMap<String, mpsc::UnboundedSender<Job>>>,
    zone: jiff::tz::TimeZone,
    /// How long nobody was there before this start, until it is told.
    absent: Mutex<Option<SignedDuration>>,
    /// By device, as far as asked.
    zones: Mutex<HashMap<String, jiff::tz::TimeZone>>,
    /// Room services that the configuration names: they are believed about who is who.
    trusted: Vec<String>,
}

impl Desk {
    fn now(&self) -> Zoned {
        Timestamp::now().to_zoned(self.zone.clone())
    }

    fn common(&self, id: &str) -> String {
        let phrase = Phrase::common(id).with("domain", self.board.domain());
        self.bot.mind().book().words(self.bot.language()).phrases.reply(&Reply::say(phrase), &self.now()).text
    }

    /// SIGHUP: who may do what is read again. Conversations stay; the rest needs a restart, and a wrong file changes nothing.
    fn reload(&self, path: &Path) {
        match Config::read(path) {
            Ok(config) => {
                self.bot.access().replace(&config.access);
                tracing::info!(path = %path.display(), "access is read again; other keys count from the next start");
            }
            Err(error) => tracing::error!(%error, "the configuration is wrong; going on with the old one"),
        }
    }

    /// The time zone of a person, by their device (XEP-0202), else the configured one; a device is asked once.
    fn zone_of(self: &Arc<Self>, heard: &Heard) -> jiff::tz::TimeZone {
        let device = heard.from.to_string();
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = zones.get(&device) {
            return zone.clone();
        }
        zones.insert(device.clone(), self.zone.clone());
        if heard.room.is_none() {
            let (desk, from) = (Arc::clone(self), heard.from.clone());
            tokio::spawn(async move {
                if let Some(offset) = desk.handle.utc_offset(from).await {
                    desk.zones
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(device, jiff::tz::TimeZone::fixed(offset));
                }
            });
        }
        self.zone.clone()
    }

    fn xmpp(self: &Arc<Self>, event: Event) {
        match event {
            Event::Heard(heard) => self.heard(heard),
            Event::Contact(Change::Subscribed(person, entity)) => {
                let name = name_of(&self.board, &self.host, entity.as_deref());
                self.office.contact(person.as_str(), &name, true);
                let asker = person.node().map_or_else(|| person.to_string(), |node| node.to_string());
                let phrase = Phrase::common("welcome_subscribed").with("asker", asker).with("name", name);
                let text = self.bot.text(&phrase, &self.now());
                self.send(Said { important: false, ..Said::alert(entity.as_deref(), &person, text) });
            }
            Event::Contact(Change::Unsubscribed(person, entity)) => {
                self.office.contact(person.as_str(), &name_of(&self.board, &self.host, entity.as_deref()), false)
            }
            Event::Contact(Change::Refused(person, _)) => {
                tracing::info!(%person, "a stranger asked to see an entity and was refused")
            }
            Event::Invited(invitation) => {
                // Whoever may talk to us may take us along; a room may say anything about who invites.
                let known = invitation.by.as_ref().is_some_and(|by| self.bot.access().role(by.as_str()).is_some());
                if known && !invitation.mediated {
                    let name = name_of(&self.board, &self.host, invitation.entity.as_deref());
                    self.board.room_fact(invitation.room.as_str(), &name, true);
                    // A room service we don't know may claim anything about who is there: all are guests then.
                    let trusted = self.trusted.contains(&invitation.room.domain().to_string());
                    self.handle.join(Join {
                        password: invitation.password,
                        trusted,
                        ..join(&self.board, invitation.room, &name)
                    });
                }
            }
            Event::Room(RoomEvent::Joined { entity, room, .. }) => {
                self.office.room(room.as_str(), &name_of(&self.board, &self.host, entity.as_deref()), true)
            }
            Event::Room(RoomEvent::Left { entity, room, .. }) => {
                self.office.room(room.as_str(), &name_of(&self.board, &self.host, entity.as_deref()), false)
            }
            Event::Online { server, away } => {
                tracing::info!(server, ?away, "connected");
                let first = self.absent.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.tell_absence(away.and_then(|away| SignedDuration::try_from(away).ok()).or(first));
            }
            Event::Offline { why } => tracing::warn!(%why, "not connected"),
            Event::Asked(request) => tracing::debug!(?request, "asked for nothing we announce"),
            Event::Bounced { to, condition, .. } => tracing::debug!(%to, ?condition, "a message came back"),
        }
    }

    fn heard(self: &Arc<Self>, heard: Box<Heard>) {
        let known = |person: &str| self.bot.access().role(person).is_some();
        match self.reception.receive(&heard, &self.board, &*self.host, known, &self.zone_of(&heard)) {
            Received::Nothing => {}
            Received::Say(sentence) => self.send(Said::answer(&heard, self.common(sentence))),
            Received::Message(message) => {
                self.handle.displayed(&heard);
                self.take(message, heard);
            }
        }
    }

    /// Hands a message to its conversation's lane; a lane that has ended is begun anew.
    fn take(self: &Arc<Self>, message: Box<Message>, heard: Box<Heard>) {
        let key = format!("{:?}|{:?}|{:?}", message.asker.jid, message.entity, message.room);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let rejected = match lanes.get(&key) {
            Some(lane) => lane.send((message, heard)).err().map(|error| error.0),
            None => Some((message, heard)),
        };
        if let Some(first) = rejected {
            let (lane, jobs) = mpsc::unbounded_channel();
            // The receiver is in our hands: this can't fail.
            let _ = lane.send(first);
            lanes.insert(key.clone(), lane);
            tokio::spawn(Arc::clone(self).lane(key, jobs));
        }
    }

    async fn lane(self: Arc<Self>, key: String, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            match tokio::time::timeout(IDLE, jobs.recv()).await {
                Ok(Some((message, heard))) => self.turn(message, heard).await,
                Ok(None) => return,
                Err(_) => {
                    let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
                    // Something may have come in between the time-out and the lock.
                    if jobs.is_empty() {
                        lanes.remove(&key);
                        return;
                    }
                }
            }
        }
    }

    async fn turn(self: &Arc<Self>, message: Box<Message>, heard: Box<Heard>) {
        let desk = Arc::clone(self);
        let to = heard.clone();
        let mut work =
            tokio::task::spawn_blocking(move || desk.bot.hear(&message, &mut |rendered| desk.answer(&to, rendered)));
        let ended = tokio::select! {
            ended = &mut work => ended,
            () = tokio::time::sleep(PATIENCE) => {
                self.handle.composing(&heard, true);
                let ended = work.await;
                self.handle.composing(&heard, false);
                ended
            }
        };
        if let Err(error) = ended {
            let reference = crate::error::Reference::new();
            tracing::error!(%reference, %error, "a turn broke");
            let text =
                self.bot.text(&Phrase::common("went_wrong").with("reference", reference.to_string()), &self.now());
            self.send(Said::answer(&heard, text));
        }
    }

    fn answer(&self, heard: &Heard, rendered: Rendered) {
        let choices = rendered
            .choices
            .into_iter()
            .map(|(label, says)| {
                let label = Some(label).filter(|label| *label != says);
                (says, label)
            })
            .collect();
        self.send(Said { choices, ..Said::answer(heard, rendered.text) });
    }

    fn send(&self, said: Said) {
        match self.handle.say(said) {
            Ok(_) | Err(NotSaid::Capped { first: false }) => {}
            Err(NotSaid::Capped { first: true }) => {
                tracing::warn!("somebody is answered too often; silent for a minute")
            }
            Err(NotSaid::Unsent(error)) => tracing::warn!(%error, "an answer was not sent"),
        }
    }

    fn happened(self: &Arc<Self>, event: &HostEvent) {
        if matches!(event.kind, EventKind::Defined | EventKind::Undefined | EventKind::HostBack | EventKind::Changed) {
            self.board.sync();
        }
        let now = self.now();
        self.bot.happened(event, &now);
        self.bot.settle(event, &now, &*self.host, &mut |message, rendered| self.tell_asker(message, rendered));
    }

    /// Whoever sees them is shown how they are now.
    fn looks_changed(&self, event: &HostEvent) {
        match &event.machine {
            Some((id, _)) => self.changed(&Entity::Machine(id.clone())),
            None => {
                for machine in self.host.machines().iter().filter(|machine| machine.id.hypervisor == event.hypervisor) {
                    self.changed(&Entity::Machine(machine.id.clone()));
                }
            }
        }
        self.changed(&Entity::Hypervisor(event.hypervisor.clone()));
    }

    fn changed(&self, entity: &Entity) {
        if let Some(local) = self.board.local(entity) {
            self.handle.presence_changed(Some(&local));
        }
    }

    /// Says something to whoever once asked, where they asked.
    fn tell_asker(&self, message: &Message, rendered: Rendered) {
        let local = self.board.local(&message.entity);
        let said = match (&message.room, &message.asker.jid) {
            (Some(room), _) => BareJid::new(room).ok().map(|room| {
                Said::to_room(local.as_deref(), &room, format!("{}: {}", message.asker.name, rendered.text))
            }),
            (None, Some(jid)) => {
                BareJid::new(jid).ok().map(|person| Said::alert(local.as_deref(), &person, rendered.text))
            }
            (None, None) => None,
        };
        if let Some(said) = said {
            self.send(said);
        }
    }

    /// Everybody concerned hears it once: from the machine, else from its host; rooms from the host.
    fn notice(&self, notice: &Notice) {
        let own = self.board.local(&notice.about);
        let host = match &notice.about {
            Entity::Machine(id) => self.board.local(&Entity::Hypervisor(id.hypervisor.clone())),
            _ => None,
        };
        let mut told: Vec<String> = notice.except.iter().cloned().collect();
        for entity in [&own, &host] {
            if entity.is_none() && notice.about != Entity::Desk {
                continue;
            }
            for person in self.handle.subscribers(entity.as_deref()) {
                if !told.contains(&person.to_string()) {
                    told.push(person.to_string());
                    self.send(Said::alert(entity.as_deref(), &person, notice.text.clone()));
                }
            }
        }
        let mut rooms: Vec<String> = notice.except_room.iter().cloned().collect();
        for entity in [host.or(own), None] {
            for room in self.handle.rooms(entity.as_deref()) {
                if !rooms.contains(&room.to_string()) {
                    rooms.push(room.to_string());
                    self.send(Said::to_room(entity.as_deref(), &room, notice.text.clone()));
                }
            }
        }
    }

    fn look_after(self: &Arc<Self>) {
        let desk = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let now = desk.now();
            desk.bot.look_after(&now, &mut |message, rendered| desk.tell_asker(message, rendered));
        });
    }

    /// Whoever has the desk in their contacts hears that nobody was there for a while.
    fn tell_absence(&self, absence: Option<SignedDuration>) {
        if let Some(span) = absence.filter(|span| *span >= WORTH_TELLING) {
            self.handle.broadcast(None, &self.bot.text(&Phrase::common("away").with("span", span), &self.now()));
        }
    }

    /// Ops that the last stop cut off: whoever wanted them hears that nobody knows, and how the machine is now.
    fn tell_unfinished(&self, unfinished: &[Unfinished]) {
        for one in unfinished {
            let Ok(person) = BareJid::new(&one.actor) else { continue };
            let machine = one
                .about
                .as_ref()
                .and_then(|about| self.host.machines().into_iter().find(|machine| machine.name == *about));
            let phrase = match &machine {
                Some(machine) => Phrase::common("cut_off")
                    .with("name", machine.name.as_str())
                    .with("is", crate::refusal::state_word(machine.state))
                    .with("verb", one.verb.as_str()),
                None => Phrase::common("cut_off_unseen").with("verb", one.verb.as_str()),
            };
            let local = machine.and_then(|machine| self.board.local(&Entity::Machine(machine.id.clone())));
            self.send(Said::alert(local.as_deref(), &person, self.bot.text(&phrase, &self.now())));
        }
    }
}
