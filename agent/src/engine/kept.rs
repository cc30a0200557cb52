//! What the journal keeps of a change that may take long, so that whoever is started next can go on with it, or say what became of it:
//! once all of its plan, and where it is whenever that changes. Both are facts, which hold as long as it is carried out.

use dialogue::machine::Utterance;
use dialogue::session::{Call, PlanRef};
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::jobs::Job;
use crate::engine::planner::{Made, Step};
use crate::host::{HostRead, Machine, MachineId, State};
use crate::message::{Asker, Message};
use crate::people::addresses::Entity;
use crate::skill::Change;
use crate::state::journal::{Entry, Table};

/// The sorts of facts: the plan, and the place in it.
const JOB: &str = "job";
const PLACE: &str = "job_at";

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct At {
    /// The step, and the op in it.
    pub step: usize,
    pub op: usize,
    /// The id of the op's lines in the journal.
    pub entry: String,
    /// Whether that op was done.
    pub done: bool,
}

impl At {
    /// Where it is now.
    pub fn of(job: &Job, entry: &str, done: bool) -> Self {
        let (step, op) = job.at();
        Self { step, op, entry: entry.to_owned(), done }
    }
}

/// All of a job.
#[derive(Serialize, Deserialize)]
struct Kept {
    number: u64,
    jid: Option<String>,
    name: String,
    entity: Entity,
    room: Option<String>,
    device: String,
    said_at: Zoned,
    begun: Timestamp,
    plan: PlanRef,
    steps: Vec<KeptStep>,
}

#[derive(Serialize, Deserialize)]
struct KeptStep {
    call: Call,
    machine: Option<KeptMachine>,
    change: Change,
    asked: bool,
}

/// Which machine it was, where, and what it was called.
#[derive(Serialize, Deserialize)]
struct KeptMachine {
    id: MachineId,
    name: String,
    state: State,
}

impl Kept {
    fn of(job: &Job) -> Self {
        let Message { asker, entity, room, utterance, now } = &job.message;
        let step = |step: &Step| KeptStep {
            call: step.call.clone(),
            machine: step.machine.as_ref().map(|machine| KeptMachine {
                id: machine.id.clone(),
                name: machine.name.clone(),
                state: machine.state,
            }),
            change: step.change.clone(),
            asked: step.asked,
        };
        Self {
            number: job.number,
            jid: asker.jid.clone(),
            name: asker.name.clone(),
            entity: entity.clone(),
            room: room.clone(),
            device: utterance.device.clone(),
            said_at: now.clone(),
            begun: job.begun,
            plan: job.made.plan.clone(),
            steps: job.steps().iter().map(step).collect(),
        }
    }

    fn job(self, id: &str, host: &dyn HostRead) -> Job {
        let message = Message {
            asker: Asker { jid: self.jid, name: self.name },
            entity: self.entity,
            room: self.room,
            utterance: Utterance { device: self.device, ..Utterance::default() },
            now: self.said_at,
        };
        let step = |step: KeptStep| Step {
            call: step.call,
            // As it was then: what is to be told of it depends on where that was.
            machine: step.machine.map(|kept| {
                let now = host.machine(&kept.id).filter(|now| now.id.hypervisor == kept.id.hypervisor);
                now.unwrap_or_else(|| Machine::new(kept.id, kept.name, kept.state).into())
            }),
            change: step.change,
            asked: step.asked,
        };
        let made = Made { plan: self.plan, steps: self.steps.into_iter().map(step).collect() };
        let mut job = Job::new(&message, made);
        (job.number, job.id, job.begun) = (self.number, id.to_owned(), self.begun);
        job
    }
}

/// Whether a job is kept: one that may take long.
pub(super) fn is_kept(job: &Job) -> bool {
    job.number > 0 && job.steps().iter().flat_map(|step| &step.change.ops).any(|op| op.kind().is_long)
}

/// That it is carried out.
pub(super) fn begins(job: &Job) -> Entry {
    Entry::fact(JOB, &job.id, serde_json::to_value(Kept::of(job)).expect("a job is plain data"))
}

/// Where it is now.
pub(super) fn is_at(job: &Job, at: &At) -> Entry {
    Entry::fact(PLACE, &job.id, serde_json::to_value(at).expect("a place is plain data"))
}

/// That it is carried out no more.
pub(super) fn ends(id: &str) -> [Entry; 2] {
    [JOB, PLACE].map(|sort| Entry::fact(sort, id, serde_json::Value::Null))
}

/// All that were being carried out, with where they were; and the ids of those that can't be read any more.
pub(super) fn all(facts: &Table, host: &dyn HostRead) -> (Vec<(Job, At)>, Vec<String>) {
    let (mut jobs, mut unreadable) = (Vec::new(), Vec::new());
    for (id, value) in facts.of(JOB) {
        let at = facts.of(PLACE).find(|(of, _)| *of == id).and_then(|(_, at)| At::deserialize(at).ok());
        let kept = Kept::deserialize(value).inspect_err(|error| tracing::error!(%error, id, "a job can't be read"));
        match (kept, at) {
            (Ok(kept), Some(at)) => jobs.push((kept.job(id, host), at)),
            _ => unreadable.push(id.to_owned()),
        }
    }
    jobs.sort_by_key(|(job, _)| job.number);
    (jobs, unreadable)
}

#[cfg(test)]
mod tests {
    use dialogue::reply::Phrase;

    use super::*;
    use crate::host::fake::Fake;
    use crate::ops::Save;

    #[test]
    fn a_job_comes_back_from_the_journal_as_it_was_as_long_as_it_has_not_ended() {
        let (fake, _events) = Fake::new("two_vms", Timestamp::UNIX_EPOCH).unwrap();
        let machine = fake.machines().remove(0);
        let phrase = || Phrase::common("is_now").with("name", "web1");
        let save: Vec<crate::ops::Op> = vec![Save { machine: machine.id.clone() }.into()];
        let change = Change::new(phrase(), save, phrase(), phrase());
        let call = Call { skill: "vm.save".to_owned(), ..Call::default() };
        let plan = PlanRef {
            calls: vec![call.clone()],
            digest: "d".to_owned(),
            danger: dialogue::spec::Danger::Disruptive,
            summary: vec![phrase()],
            typed: "web1".to_owned(),
            subjects: vec!["web1".to_owned()],
            allocates: false,
            doubtful: false,
        };
        let message = Message {
            asker: Asker { jid: Some("alice@example.org".to_owned()), name: "alice".to_owned() },
            entity: Entity::Machine(machine.id.clone()),
            room: None,
            utterance: Utterance { device: "alice@example.org/phone".to_owned(), ..Utterance::default() },
            now: "2026-11-28T12:00:00+01:00[Europe/Paris]".parse().unwrap(),
        };
        let made = Made { plan, steps: vec![Step { call, machine: Some(machine), change, asked: false }] };
        let mut job = Job::new(&message, made);
        assert!(!is_kept(&job), "its asker waits for it");
        job.number = 7;
        assert!(is_kept(&job));
        let at = At { step: 0, op: 0, entry: "e".to_owned(), done: false };
        let mut facts = Table::default();
        for entry in [begins(&job), is_at(&job, &at)] {
            facts.take(Timestamp::UNIX_EPOCH, &entry);
        }
        let (mut jobs, unreadable) = all(&facts, &*fake);
        let (again, place) = jobs.remove(0);
        assert_eq!((again.number, &again.id, again.begun, place), (7, &job.id, job.begun, at));
        assert_eq!(
            (&again.message.asker, &again.message.entity, &again.message.now),
            (&message.asker, &message.entity, &message.now)
        );
        assert_eq!(again.message.utterance.device, message.utterance.device);
        assert_eq!(
            (again.made.plan, again.made.steps[0].change.clone()),
            (job.made.plan.clone(), job.made.steps[0].change.clone())
        );
        assert!(jobs.is_empty() && unreadable.is_empty());
        facts.set(Timestamp::UNIX_EPOCH, JOB, "later", serde_json::json!({"number": 8, "steps": [{"op": "explode"}]}));
        assert_eq!(all(&facts, &*fake).1, ["later"], "one of a later version is left");
        for entry in ends(&job.id).into_iter().chain(ends("later")) {
            facts.take(Timestamp::UNIX_EPOCH, &entry);
        }
        assert!(facts.is_empty());
    }
}
