//! Skills that are understood but not built yet: whoever asks for one is told "I can't do that yet" instead of
//! "what?", and nothing else happens.
//!
//! Building one means: take its [`Spec`] out of here, give it a file with a plan, add it to [`super::ALL`]. Its words
//! in `corpus/` are there already. Stopping everything that carries a tag ("bulk") is no skill of its own: it is an
//! ordinary skill with several machines as its target.

use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::{Kind, Of};

mod fleet;
mod machine;
mod network;
mod people;
mod storage;

/// Planned skills of one part of the catalogue each, every part sorted by id.
static PARTS: [&[Spec]; 5] = [fleet::PLANNED, machine::PLANNED, network::PLANNED, people::PLANNED, storage::PLANNED];

/// Every planned skill. In no order that means anything: [`super::specs`] sorts.
pub fn specs() -> impl Iterator<Item = &'static Spec> {
    PARTS.into_iter().flatten()
}

/// What acts on a machine can be told to it, to its host and at the desk.
const MACHINE: &[Scope] = &[Scope::Machine, Scope::Host, Scope::Desk];
/// What belongs to a host can be told to it and at the desk.
const HOST: &[Scope] = &[Scope::Host, Scope::Desk];
/// What spans hosts: the relay answers, whichever of them is asked.
const FLEET: &[Scope] = &[Scope::Host, Scope::Desk];

/// The machine acted on.
const M: Slot = Slot::target();
/// A machine that narrows what is shown; everything here is shown without one.
const ABOUT: Slot = Slot::optional("machine", Kind::Machines);
/// Image formats.
const FORMAT: Kind = Kind::Choice(&["qcow2", "raw"]);
/// What load and limits are told of.
const RESOURCE: Kind = Kind::Choice(&["cpu", "memory", "disk", "network"]);
/// On or off, up or down.
const SWITCH: Kind = Kind::Choice(&["on", "off"]);
/// When a change of hardware takes effect.
const EFFECT: Slot = Slot::optional("when", Kind::Choice(&["now", "next-boot"]));
/// An existing disk.
const DISK: Slot = Slot::required("disk", Kind::Name(Of::Disk));

const fn planned(
    id: &'static str,
    category: Category,
    scopes: &'static [Scope],
    danger: Danger,
    slots: &'static [Slot],
) -> Spec {
    let role = match danger {
        Danger::Read => Role::Viewer,
        Danger::Reversible | Danger::Disruptive => Role::Operator,
        Danger::Destructive | Danger::Authority => Role::Admin,
    };
    Spec { id, category, scopes, danger, role, slots, allocates: false, planned: true }
}

/// The same, taking storage.
const fn allocating(spec: Spec) -> Spec {
    Spec { allocates: true, ..spec }
}

/// The same, for everybody who may look.
const fn for_viewers(spec: Spec) -> Spec {
    Spec { role: Role::Viewer, ..spec }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_in_order_and_says_it_is_planned() {
        for part in PARTS {
            assert!(part.is_sorted_by(|a, b| a.id < b.id), "{:?}", part.first());
            assert!(part.iter().all(|spec| spec.planned && !spec.scopes.is_empty()));
        }
    }

    #[test]
    fn what_acts_on_a_machine_can_be_told_to_it() {
        for spec in specs().filter(|spec| spec.has_target()) {
            assert!(spec.fits(Scope::Machine), "{}", spec.id);
        }
    }

    #[test]
    fn slots_of_a_skill_have_different_names() {
        for spec in specs() {
            let mut names: Vec<_> = spec.slots.iter().map(|slot| slot.name).collect();
            names.sort_unstable();
            assert!(names.is_sorted_by(|a, b| a < b), "{}", spec.id);
        }
    }
}
