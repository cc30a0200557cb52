//! Who sees whom: "let carol@example.org see you", "who can see you?", "take carol@example.org off your list".

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::ANYWHERE;
use crate::ops::{AllowContact, RemoveContact};
use crate::refusal;
use crate::skill::{Args, Change, Plan, Refusal, Scene, Skill, Stop};

/// One way to look at or change a contact list.
pub struct Contact {
    spec: &'static Spec,
    act: fn(&Args, &Scene<'_>) -> Result<Plan, Stop>,
}

/// Lets a person see an entity and hear from it.
pub static ALLOW: Contact = Contact { spec: &SPECS[0], act: allow };
/// Who is on an entity's list.
pub static LIST: Contact = Contact { spec: &SPECS[1], act: list };
/// Takes a person off it.
pub static REMOVE: Contact = Contact { spec: &SPECS[2], act: remove };

/// Whose list: the entity spoken to unless another is named.
const ENTITY: Slot = Slot::optional("entity", Kind::Name(Of::Machine));

static SPECS: [Spec; 3] = [
    contact("contact.allow", Danger::Authority, Role::Admin, &[Slot::required("who", Kind::Jid), ENTITY]),
    contact("contact.list", Danger::Read, Role::Viewer, &[ENTITY]),
    contact("contact.remove", Danger::Authority, Role::Admin, &[Slot::required("who", Kind::Jid), ENTITY]),
];

const fn contact(id: &'static str, danger: Danger, role: Role, slots: &'static [Slot]) -> Spec {
    Spec { id, category: Category::People, scopes: ANYWHERE, danger, role, slots, allocates: false, planned: false }
}

impl Skill for Contact {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        (self.act)(args, scene)
    }
}

fn allow(args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
    let (who, entity) = (who(args)?, entity(args, scene)?);
    if is_contact(&who, &entity, scene) {
        return Ok(say("contact.allow/already", &who, &entity));
    }
    let phrase = |id: &str| Phrase::new(format!("contact.allow/{id}")).with("who", &who).with("entity", &entity);
    let ops = vec![AllowContact { who: who.clone(), entity: entity.clone() }.into()];
    Ok(Change::new(phrase("summary"), ops, phrase("done"), phrase("told")).plan())
}

fn remove(args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
    let (who, entity) = (who(args)?, entity(args, scene)?);
    if !is_contact(&who, &entity, scene) {
        return Ok(say("contact.remove/stranger", &who, &entity));
    }
    let phrase = |id: &str| Phrase::new(format!("contact.remove/{id}")).with("who", &who).with("entity", &entity);
    let ops = vec![RemoveContact { who: who.clone(), entity: entity.clone() }.into()];
    Ok(Change::new(phrase("summary"), ops, phrase("done"), phrase("told")).plan())
}

fn list(args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
    let entity = entity(args, scene)?;
    let mut contacts: Vec<String> = scene.affairs.contacts(Some(&entity)).into_iter().map(|(who, _)| who).collect();
    contacts.sort_unstable();
    contacts.dedup();
    let head = Phrase::new(if contacts.is_empty() { "contact.list/none" } else { "contact.list/head" })
        .with("entity", &entity)
        .with("count", contacts.len());
    let rows = contacts.iter().map(|who| Phrase::new("contact.list/row").with("who", who)).collect();
    Ok(Plan::Answer(Reply::list(head, rows)))
}

fn say(key: &str, who: &str, entity: &str) -> Plan {
    Plan::Answer(Reply::say(Phrase::new(key).with("who", who).with("entity", entity)))
}

/// The person's bare address: lists are kept per account, not per device.
fn who(args: &Args) -> Result<String, Stop> {
    let said = args.word("who").unwrap_or_default();
    let bare = said.split('/').next().unwrap_or_default();
    if bare.contains('@') {
        return Ok(bare.to_owned());
    }
    Err(Refusal::BadValue { slot: "who", said: said.to_owned(), why: Phrase::new("contact.allow/no_address") }.into())
}

fn entity(args: &Args, scene: &Scene<'_>) -> Result<String, Stop> {
    let Some(said) = args.word("entity") else {
        return Ok(scene.entity.to_owned());
    };
    let machines = scene.host.machines();
    let hosts = scene.host.hypervisors();
    let names =
        || machines.iter().map(|machine| machine.name.as_str()).chain(hosts.iter().map(|host| host.name.as_str()));
    match names().find(|name| *name == said).or_else(|| names().find(|name| name.eq_ignore_ascii_case(said))) {
        Some(name) => Ok(name.to_owned()),
        None => {
            let close = refusal::close(said, names().map(str::to_owned));
            Err(Refusal::NotFound { kind: Of::Machine, said: said.to_owned(), close }.into())
        }
    }
}

fn is_contact(who: &str, entity: &str, scene: &Scene<'_>) -> bool {
    scene.affairs.contacts(Some(entity)).iter().any(|(contact, _)| contact.eq_ignore_ascii_case(who))
}
