//! Group rooms: "join ops@rooms.example.org", "leave it", "which rooms are you in?".

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::Kind;

use super::ANYWHERE;
use crate::ops::{JoinRoom, LeaveRoom, Op};
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

/// One thing to do with rooms.
pub struct Room {
    spec: &'static Spec,
    act: fn(&Args, &Scene<'_>) -> Result<Plan, Stop>,
}

/// Joins a room as the entity spoken to.
pub static JOIN: Room = Room { spec: &SPECS[0], act: |args, scene| join(&room(args)?, scene) };
/// Leaves it.
pub static LEAVE: Room = Room { spec: &SPECS[1], act: |args, scene| leave(&room(args)?, scene) };
/// The rooms the entity is in.
pub static LIST: Room = Room { spec: &SPECS[2], act: list };

static SPECS: [Spec; 3] = [
    spec("room.join", Danger::Reversible, Role::Admin, &[Slot::required("room", Kind::Jid)]),
    spec("room.leave", Danger::Reversible, Role::Admin, &[Slot::required("room", Kind::Jid)]),
    spec("room.list", Danger::Read, Role::Viewer, &[]),
];

const fn spec(id: &'static str, danger: Danger, role: Role, slots: &'static [Slot]) -> Spec {
    Spec { id, category: Category::People, scopes: ANYWHERE, danger, role, slots, allocates: false, planned: false }
}

impl Skill for Room {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        (self.act)(args, scene)
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let room = done.facts.get("room").cloned().unwrap_or_default();
        let plan = if self.spec.id == "room.join" { leave(&room, scene)? } else { join(&room, scene)? };
        // What is taken back is not taken back again: "undo" goes on with what was done before.
        Ok(match plan {
            Plan::Change(change) => Change { undoable: false, ..*change }.plan(),
            other => other,
        })
    }
}

fn join(room: &str, scene: &Scene<'_>) -> Result<Plan, Stop> {
    if is_in(room, scene) {
        return Ok(Plan::Answer(Reply::say(phrase("room.join/already", room, scene))));
    }
    if !scene.affairs.may_be_room(room) {
        let why = phrase("room.join/no_room", room, scene);
        return Err(Refusal::BadValue { slot: "room", said: room.to_owned(), why }.into());
    }
    let (room_wanted, by) = (room.to_owned(), scene.asker_jid.to_owned());
    let op = JoinRoom { room: room_wanted, entity: scene.entity.to_owned(), by };
    Ok(change("room.join", op, room, scene))
}

fn leave(room: &str, scene: &Scene<'_>) -> Result<Plan, Stop> {
    if !is_in(room, scene) {
        return Ok(Plan::Answer(Reply::say(phrase("room.leave/not_there", room, scene))));
    }
    let op = LeaveRoom { room: room.to_owned(), entity: scene.entity.to_owned() };
    Ok(change("room.leave", op, room, scene))
}

fn list(_: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
    let rooms = scene.affairs.rooms(scene.entity);
    let head = Phrase::new(if rooms.is_empty() { "room.list/none" } else { "room.list/head" })
        .with("entity", scene.entity)
        .with("count", rooms.len());
    let rows = rooms.iter().map(|room| Phrase::new("room.list/row").with("room", room)).collect();
    Ok(Plan::Answer(Reply::list(head, rows)))
}

fn change(skill: &str, op: impl Into<Op>, room: &str, scene: &Scene<'_>) -> Plan {
    let text = |id: &str| phrase(&format!("{skill}/{id}"), room, scene);
    let mut change = Change::new(text("summary"), vec![op.into()], text("done"), text("told"));
    change.facts.insert("room".to_owned(), room.to_owned());
    change.undoable = true;
    change.plan()
}

fn phrase(key: &str, room: &str, scene: &Scene<'_>) -> Phrase {
    Phrase::new(key).with("room", room).with("entity", scene.entity)
}

/// The room's bare address.
fn room(args: &Args) -> Result<String, Stop> {
    let said = args.word("room").unwrap_or_default();
    let bare = said.split('/').next().unwrap_or_default();
    if bare.contains('@') {
        return Ok(bare.to_owned());
    }
    Err(Refusal::BadValue { slot: "room", said: said.to_owned(), why: Phrase::new("room.join/no_address") }.into())
}

fn is_in(room: &str, scene: &Scene<'_>) -> bool {
    scene.affairs.rooms(scene.entity).iter().any(|joined| joined.eq_ignore_ascii_case(room))
}
