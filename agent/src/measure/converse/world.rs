//! The world of a conversation: what its first line says.

use std::collections::BTreeSet;

use dialogue::spec::Role;
use grammar::kind::Kind;
use grammar::read::{self, Context};
use grammar::size::Bytes;
use grammar::value::Value;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::host::fake::Fixture;
use crate::host::{self, names};
use crate::nlu::Nlu;

/// What is there when a conversation begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// When it begins.
    pub now: Timestamp,
    /// Hypervisors.
    pub hosts: Vec<Host>,
    /// Who talks; the first is whoever says something without a name.
    pub people: Vec<Person>,
    /// A room in which all people and hosts are.
    #[serde(default)]
    pub room: Option<String>,
}

/// A hypervisor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// What runs there, or is off.
    #[serde(default)]
    pub machines: Vec<Machine>,
    /// How much its pool `default` holds, like "500 GiB"; more than anybody wants when nothing is said.
    #[serde(default)]
    pub pool: Option<String>,
    /// Its other pools, empty.
    #[serde(default)]
    pub pools: Vec<Pool>,
}

/// Another storage pool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How much it holds, like "500 GiB".
    pub size: String,
}

/// A machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: State,
    /// Its memory, like "128 MiB".
    pub memory: String,
    /// Its virtual CPUs.
    pub cpus: u32,
    /// Its disks.
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// Its snapshots, oldest first.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// What people call it besides.
    #[serde(default)]
    pub title: Option<String>,
}

/// A machine's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs.
    Running,
    /// It is off.
    Off,
    /// It is paused.
    Paused,
    /// It crashed.
    Crashed,
}

/// A disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Where it is in the machine: `vda`.
    pub target: String,
    /// Its volume in the pool `default`.
    pub volume: String,
    /// Its size, like "1 GiB".
    pub size: String,
}

/// A snapshot.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
}

/// Somebody who talks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// So much a pool holds beside the disks that are there, when nothing is said.
const ROOM: u64 = 10 << 40;
/// Snapshots of the world were taken that long before it begins.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

impl World {
    /// A host in memory that is like it.
    ///
    /// # Errors
    /// What can't be, in words.
    pub fn fixture(&self, nlu: &Nlu) -> Result<Fixture, String> {
        if self.people.is_empty() {
            return Err("`people`: nobody is there to talk".to_owned());
        }
        let mut fixture = Fixture::default();
        let mut hosts = BTreeSet::new();
        for host in &self.hosts {
            named(&host.name)?;
            if !hosts.insert(host.name.to_lowercase()) {
                return Err(format!("`hosts`: two are called {}", host.name));
            }
            fixture.hypervisor(&host.name);
            let capacity = match &host.pool {
                Some(size) => self.size(size, nlu)?,
                None => {
                    let disks = host.machines.iter().flat_map(|machine| &machine.disks);
                    let sizes = disks.map(|disk| self.size(&disk.size, nlu)).collect::<Result<Vec<_>, _>>()?;
                    Bytes(sizes.iter().fold(ROOM, |sum, size| sum.saturating_add(size.0)))
                }
            };
            fixture.capacities.insert(host.name.clone(), capacity);
            let mut pools = BTreeSet::from(["default"]);
            for pool in &host.pools {
                if !pools.insert(pool.name.as_str()) {
                    return Err(format!("`pools`: two are called {} on {}", pool.name, host.name));
                }
                fixture.pool(&host.name, &pool.name, self.size(&pool.size, nlu)?);
            }
            let mut machines = BTreeSet::new();
            for machine in &host.machines {
                named(&machine.name)?;
                if !machines.insert(machine.name.as_str()) {
                    return Err(format!("`machines`: two are called {} on {}", machine.name, host.name));
                }
                self.machine(&mut fixture, &host.name, machine, nlu)?;
            }
        }
        Ok(fixture)
    }

    fn machine(&self, fixture: &mut Fixture, host: &str, said: &Machine, nlu: &Nlu) -> Result<(), String> {
        let disks =
            said.disks.iter().map(|disk| Ok((disk.target.clone(), disk.volume.clone(), self.size(&disk.size, nlu)?)));
        let disks = disks.collect::<Result<Vec<_>, String>>()?;
        let memory = self.size(&said.memory, nlu)?;
        let machine = fixture.machine_with(host, &said.name, said.state.into(), memory, said.cpus, &disks);
        machine.title.clone_from(&said.title);
        let last = said.snapshots.len();
        machine.snapshots = said
            .snapshots
            .iter()
            .enumerate()
            .map(|(index, snapshot)| host::Snapshot {
                name: snapshot.name.clone(),
                created: self.now.saturating_sub(BEFORE).unwrap_or(self.now),
                state: said.state.into(),
                current: index + 1 == last,
                disks: Some(machine.disks.iter().map(|disk| disk.target.clone()).collect()),
            })
            .collect();
        Ok(())
    }

    fn size(&self, text: &str, nlu: &Nlu) -> Result<Bytes, String> {
        let lexicon = &nlu.book().words("en").lexicon;
        let cx = Context { lexicon, known: &grammar::known::Nothing, now: self.now.to_zoned(TimeZone::UTC) };
        match read::parse(Kind::Size, text, &cx) {
            Some(Value::Size(size)) => Ok(size),
            _ => Err(format!("\"{text}\" is no size, like \"128 MiB\"")),
        }
    }
}

fn named(name: &str) -> Result<(), String> {
    names::check(names::Thing::Machine, name).map_err(|why| format!("\"{}\": {why}", names::shown(name)))
}

impl From<State> for host::State {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Off => Self::Off,
            State::Paused => Self::Paused,
            State::Crashed => Self::Crashed,
        }
    }
}
