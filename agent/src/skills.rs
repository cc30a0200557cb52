//! All skills, in one visible list. Adding one: its file, its `mod` line and its place in [`ALL`].

use std::sync::Arc;

use dialogue::session::Call;
use dialogue::spec::{Scope, Spec};

use crate::host::Machine;
use crate::refusal::at_host;
use crate::skill::{Scene, Skill};

pub mod access_mine;
pub mod agent_doctor;
pub mod agent_version;
pub mod audit;
pub mod audit_log;
pub mod contact;
pub mod controls;
pub mod disk_create;
pub mod disk_list;
pub mod disk_move;
pub mod fleet_find;
pub mod fleet_status;
pub mod host_info;
pub mod host_status;
pub mod job;
pub mod planned;
pub mod pool_list;
pub mod room;
pub mod snapshot_create;
pub mod snapshot_delete;
pub mod snapshot_list;
pub mod snapshot_revert;
pub mod talk_help;
pub mod talk_how_are_you;
pub mod talk_language;
pub mod talk_manners;
pub mod talk_who_are_you;
pub mod vm_clone;
pub mod vm_info;
pub mod vm_list;
pub mod vm_migrate;
pub mod vm_power;
pub mod vm_save;
pub mod vm_status;

/// The machines of the hypervisor spoken to, or all.
fn machines_of(scene: &Scene<'_>) -> Vec<Arc<Machine>> {
    let mut machines = scene.host.machines();
    machines.retain(|machine| scene.hypervisor.is_none_or(|hypervisor| machine.id.hypervisor == hypervisor));
    machines
}

/// The name of one of some machines, with its host where another is called the same.
fn shown(machine: &Machine, among: &[Arc<Machine>]) -> String {
    let alike = among.iter().filter(|other| other.name == machine.name).count();
    if alike > 1 { at_host(&machine.id, &machine.name) } else { machine.name.clone() }
}

/// Machines, hypervisors and the desk.
const ANYWHERE: &[Scope] = &[Scope::Machine, Scope::Host, Scope::Desk];

/// Every built skill, by id.
pub static ALL: &[&dyn Skill] = &[
    &access_mine::AccessMine,
    &agent_doctor::AgentDoctor,
    &agent_version::AgentVersion,
    &audit_log::AuditLog,
    &audit::WHO,
    &audit::WHY,
    &contact::ALLOW,
    &contact::LIST,
    &contact::REMOVE,
    &disk_create::DiskCreate,
    &disk_list::DiskList,
    &disk_move::DiskMove,
    &fleet_find::FleetFind,
    &fleet_status::FleetStatus,
    &host_info::HostInfo,
    &host_status::HostStatus,
    &job::STOP,
    &job::LIST,
    &pool_list::PoolList,
    &room::JOIN,
    &room::LEAVE,
    &room::LIST,
    &snapshot_create::SnapshotCreate,
    &snapshot_delete::SnapshotDelete,
    &snapshot_list::SnapshotList,
    &snapshot_revert::SnapshotRevert,
    &controls::AGAIN,
    &talk_manners::BYE,
    &controls::CANCEL,
    &talk_manners::GREET,
    &talk_help::TalkHelp,
    &talk_how_are_you::TalkHowAreYou,
    &talk_language::TalkLanguage,
    &controls::MORE,
    &controls::NO,
    &controls::REPEAT,
    &talk_manners::THANKS,
    &controls::UNDO,
    &talk_who_are_you::TalkWhoAreYou,
    &controls::YES,
    &vm_clone::VmClone,
    &vm_power::FORCE_OFF,
    &vm_info::VmInfo,
    &vm_list::VmList,
    &vm_migrate::VmMigrate,
    &vm_power::PAUSE,
    &vm_power::REBOOT,
    &vm_power::RESET,
    &vm_power::RESUME,
    &vm_save::VmSave,
    &vm_power::SHUTDOWN,
    &vm_power::START,
    &vm_status::VmStatus,
];

/// The built skill of that id.
pub fn find(id: &str) -> Option<&'static dyn Skill> {
    ALL.iter().copied().find(|skill| skill.spec().id == id)
}

/// Whether one of these calls would do what is not quite what was said, and must be asked about.
pub fn doubtful(calls: &[Call]) -> bool {
    calls.iter().any(|call| find(&call.skill).is_some_and(|skill| skill.doubtful(&call.args)))
}

/// The Specs of all skills, built and planned, by id.
pub fn specs() -> Vec<&'static Spec> {
    let mut specs: Vec<_> = ALL.iter().map(|skill| skill.spec()).chain(planned::specs()).collect();
    specs.sort_by_key(|spec| spec.id);
    specs
}

#[cfg(test)]
mod tests;
