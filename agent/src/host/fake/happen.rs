//! What happens on the fake by itself, or by others.

use uuid::Uuid;

use super::{Fake, UnknownEvent, fixtures, said};
use crate::host::{EventKind, Hypervisor, Machine, MachineId, State, events};

impl Fake {
    /// Has something happen from outside, as a transcript's `event:` line says it: `web1 crashed`, `hv1 lost`.
    ///
    /// # Errors
    /// When no machine or hypervisor begins the line, or what follows is nothing that happens.
    pub fn happen(&self, line: &str) -> Result<(), UnknownEvent> {
        let unknown = || UnknownEvent(line.to_owned());
        for Hypervisor { name, .. } in self.mirror.hypervisors() {
            match line.strip_prefix(&name).map(str::trim) {
                Some("lost") => {
                    let said = "end of file while reading data".to_owned();
                    self.mirror.set_unreachable(&name, Some((self.lock().now, said)));
                    self.tell_host(&name, EventKind::HostLost);
                    return Ok(());
                }
                // As after a start while it can't be reached: nothing was read, and names are remembered.
                Some("unread") => {
                    self.mirror.set_unreachable(&name, Some((self.lock().now, "connection refused".to_owned())));
                    self.mirror.set_unread(&name);
                    return Ok(());
                }
                Some("back") => {
                    self.mirror.set_unreachable(&name, None);
                    self.tell_host(&name, EventKind::HostBack);
                    return Ok(());
                }
                _ => {}
            }
        }
        let machines = self.mirror.machines();
        if let Some(machine) = machines.iter().find(|machine| line == format!("{} redefined", machine.name)) {
            self.redefine(machine);
            return Ok(());
        }
        if let Some((name, host)) = line.split_once(" moves to ") {
            self.reachable(host, "move").map_err(|_| unknown())?;
            let machine = machines.iter().find(|machine| machine.name == name).ok_or_else(unknown)?;
            let there = MachineId { hypervisor: host.to_owned(), ..machine.id.clone() };
            self.mirror.put(Machine { id: there, ..Machine::clone(machine) }, self.lock().now);
            self.mirror.remove(&machine.id);
            self.tell_moves();
            return Ok(());
        }
        let (machine, kind, name) = machines
            .iter()
            .filter_map(|machine| {
                let what = line.strip_prefix(machine.name.as_str())?.strip_prefix(' ')?;
                let (kind, name) = said::event(what)?;
                Some((machine, kind, name))
            })
            .max_by_key(|(machine, ..)| machine.name.len())
            .ok_or_else(unknown)?;
        let now = self.lock().now;
        self.mirror.note(&machine.id, kind, now);
        match kind {
            EventKind::Crashed => self.mirror.set_state(&machine.id, State::Crashed, now),
            EventKind::Rebooted => self.mirror.set_ending(&machine.id, None),
            EventKind::Undefined => drop(self.mirror.remove(&machine.id)),
            // A machine without a definition is gone when it is off.
            kind if !machine.persistent && events::state_after(kind) == Some(State::Off) => {
                self.mirror.remove(&machine.id);
            }
            _ => {}
        }
        match name {
            Some(name) => {
                let renamed = Machine { name, ..Machine::clone(machine) };
                self.mirror.put(renamed.clone(), now);
                self.tell_with(&renamed, kind, Some(machine.name.clone()), now);
            }
            None => self.tell(machine, kind, now),
        }
        Ok(())
    }

    /// Another machine of the same name is there now, in the same state.
    fn redefine(&self, old: &Machine) {
        let now = self.lock().now;
        self.mirror.remove(&old.id);
        self.tell(old, EventKind::Undefined, now);
        let mut new = old.clone();
        new.id.uuid = Uuid::from_u128(old.id.uuid.as_u128().wrapping_add(1 << 32));
        new.snapshots.clear();
        self.tell(&self.mirror.put(new, now), EventKind::Defined, now);
    }

    /// Has a machine be defined from outside, off.
    ///
    /// # Errors
    /// When there is no first hypervisor.
    pub fn define(&self, name: &str) -> Result<MachineId, UnknownEvent> {
        let hypervisor = self.mirror.hypervisors().first().cloned().ok_or_else(|| UnknownEvent(name.to_owned()))?;
        let machine = fixtures::machine(&hypervisor.name, name);
        let now = self.lock().now;
        self.mirror.put(machine.clone(), now);
        self.tell(&machine, EventKind::Defined, now);
        Ok(machine.id)
    }
}
