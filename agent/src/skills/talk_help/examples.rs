//! Commands as people would say them: patterns with their slots filled from phrasings of the corpus, in the language at hand.

use std::collections::BTreeSet;

use dialogue::book::Words;
use dialogue::reply::Phrase;
use dialogue::spec::{Danger, Scope, Spec, TARGET};
use grammar::corpus::SkillText;
use grammar::kind::{Kind, Of};
use grammar::pattern::Pattern;

use crate::skill::Scene;

/// Its commands: first those that say different things, then the same in other words.
pub fn commands(spec: &Spec, words: &Words, scene: &Scene<'_>) -> Vec<String> {
    let Some(section) = words.skills.get(spec.id) else { return Vec::new() };
    let patterns = section.patterns.iter().filter_map(|line| Pattern::parse(&line.value).ok());
    let mut seen = BTreeSet::new();
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for example in patterns.map(|pattern| pattern.example()) {
        let (command, slots) = filled(&example, section, words, scene);
        if seen.insert(slots) { &mut first } else { &mut later }.push(command);
    }
    first.append(&mut later);
    // A bare slot teaches little.
    first.sort_by_key(|command| command.contains('<'));
    let mut told = BTreeSet::new();
    first.retain(|command| told.insert(command.clone()));
    first
}

/// A sentence of the corpus that fills the most slots.
pub fn phrasing(spec: &Spec, words: &Words) -> Option<String> {
    let section = words.skills.get(spec.id)?;
    let foreign = |name: &str| name == TARGET;
    let own = section.examples.iter().filter(|example| !example.slots.iter().any(|(_, slot)| foreign(slot)));
    let best = own.enumerate().max_by_key(|(at, example)| (example.slots.len(), std::cmp::Reverse(*at)));
    best.filter(|(_, example)| !example.slots.is_empty()).map(|(_, example)| example.text.clone())
}

/// An example with a value in place of each `<slot>`, and the slots it has.
fn filled(example: &str, section: &SkillText, words: &Words, scene: &Scene<'_>) -> (String, BTreeSet<String>) {
    let mut slots = BTreeSet::new();
    let mut command = String::new();
    let mut rest = example;
    while let Some((before, slot, after)) =
        rest.split_once('<').and_then(|(before, rest)| rest.split_once('>').map(|(slot, after)| (before, slot, after)))
    {
        command.push_str(before);
        command.push_str(&value(slot, section, words, scene));
        slots.insert(slot.to_owned());
        rest = after;
    }
    command.push_str(rest);
    (command, slots)
}

/// Something of that kind that is there; where something is changed, a host that it can be changed to.
fn named(of: Of, changes: bool, scene: &Scene<'_>) -> Option<String> {
    let mut machines = scene.host.machines();
    machines.retain(|machine| match (&scene.target, scene.scope) {
        (Some(target), _) => machine.id == target.id,
        (None, Scope::Machine) => machine.name == scene.entity,
        (None, _) => scene.hypervisor.is_none_or(|host| machine.id.hypervisor == host),
    });
    let of_machine = |machine: &std::sync::Arc<crate::host::Machine>| match of {
        Of::Machine => Some(machine.name.clone()),
        Of::Snapshot => machine.snapshots.last().map(|snapshot| snapshot.name.clone()),
        Of::Disk => machine.disks.first().map(|disk| disk.target.clone()),
        _ => None,
    };
    match of {
        Of::Hypervisor => {
            let hosts = scene.host.hypervisors();
            let other = hosts.iter().find(|host| changes && scene.hypervisor != Some(host.name.as_str()));
            other.or(hosts.first()).map(|host| host.name.clone())
        }
        _ => machines.iter().find_map(of_machine),
    }
}

/// The machine at hand, the value that a phrasing gives, or the slot's own name.
fn value(slot: &str, section: &SkillText, words: &Words, scene: &Scene<'_>) -> String {
    if slot == TARGET {
        let own = (scene.scope == Scope::Machine).then(|| scene.entity.to_owned());
        let known = || {
            let mut machines = scene.host.machines();
            machines.retain(|machine| scene.hypervisor.is_none_or(|host| machine.id.hypervisor == host));
            machines.first().map(|machine| machine.name.clone())
        };
        if let Some(name) = own.or_else(known) {
            return name;
        }
    }
    // What is there, before what might be.
    let spec = scene.book.spec(&section.id);
    let of = spec.and_then(|spec| spec.slot(slot)).map(|slot| slot.kind);
    if let Some(Kind::Name(of)) = of
        && let Some(name) = named(of, spec.is_some_and(|spec| spec.danger > Danger::Read), scene)
    {
        return name;
    }
    let given = section.examples.iter().find_map(|example| {
        let (span, _) = example.slots.iter().find(|(_, name)| name == slot)?;
        example.text.get(span.clone())
    });
    if let Some(given) = given {
        return given.to_owned();
    }
    let keys = [format!("{}/slot_{slot}", section.id), format!("phrases/slot_{slot}")];
    let key = keys.into_iter().find(|key| words.phrases.wants(key).is_some());
    let name = key.map_or_else(|| slot.to_owned(), |key| words.phrases.phrase(&Phrase::new(key), scene.now));
    format!("<{name}>")
}
