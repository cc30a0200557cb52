//! "which host is web1 on?": where a machine is; of several of that name, or with that piece in it, where each is.

use std::sync::Arc;

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ANYWHERE, vm_status};
use crate::host::Machine;
use crate::refusal;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "fleet.find",
    category: Category::Fleet,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::required("name", Kind::Name(Of::Machine))],
    allocates: false,
    planned: false,
};

/// Where a machine is.
pub struct FleetFind;

impl Skill for FleetFind {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let said = args.word("name").unwrap_or(scene.entity);
        let found = called(said, scene);
        if found.is_empty() {
            let names = scene.host.machines().into_iter().map(|machine| machine.name.clone());
            let close = refusal::close(said, names);
            return Err(Refusal::NotFound { kind: Of::Machine, said: said.to_owned(), close }.into());
        }
        let here = |machine: Arc<Machine>| {
            Phrase::new("fleet.find/here")
                .with("name", &machine.name)
                .with("host", &machine.id.hypervisor)
                .with("state", vm_status::how(&machine))
        };
        let mut lines = found.into_iter().map(here);
        let first = lines.next().map(Reply::say).unwrap_or_default();
        Ok(Plan::Answer(lines.fold(first, Reply::and)))
    }
}

/// Machines of that name on any host; else those that are called so besides; else those with that piece in the name.
fn called(said: &str, scene: &Scene<'_>) -> Vec<Arc<Machine>> {
    let named = scene.host.named(said);
    let exact: Vec<_> = named.iter().filter(|machine| machine.name == said).cloned().collect();
    let also = || scene.host.also_called(said);
    let pieces = || {
        let all = scene.host.machines();
        let names: Vec<String> = all.iter().map(|machine| machine.name.clone()).collect();
        let begun = refusal::begun(said, &names);
        all.into_iter().filter(|machine| begun.contains(&machine.name)).collect()
    };
    [exact, named, also()].into_iter().find(|list| !list.is_empty()).unwrap_or_else(pieces)
}
