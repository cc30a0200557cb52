//! "what are you doing?", "how far is the clone?", "stop the clone": changes that take longer than an answer.

use std::sync::Arc;

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::Kind;

use super::ANYWHERE;
use crate::engine::jobs::Job;
use crate::engine::planner::Step;
use crate::ops::StopJob;
use crate::skill::{Args, Change, Plan, Refusal, Scene, Skill, Stop};

/// What is made of the jobs that are meant.
type Act = fn(&[Arc<Job>], &Args, &Scene<'_>) -> Result<Plan, Stop>;

/// One way to look at jobs or to stop one.
pub struct Jobs {
    spec: &'static Spec,
    act: Act,
}

/// What is being done, and how far it is.
pub static LIST: Jobs = Jobs { spec: &SPECS[1], act: list };
/// Stops one.
pub static STOP: Jobs = Jobs { spec: &SPECS[0], act: stop };

/// Which, when several run.
const SLOTS: &[Slot] = &[
    Slot::optional(
        "job",
        Kind::Choice(&[
            "clone",
            "migration",
            "backup",
            "copy",
            "move",
            "conversion",
            "export",
            "import",
            "download",
            "upload",
        ]),
    ),
    Slot::optional("machine", Kind::Machines),
];

static SPECS: [Spec; 2] =
    [job("job.abort", Danger::Disruptive, Role::Operator), job("job.list", Danger::Read, Role::Viewer)];

const fn job(id: &'static str, danger: Danger, role: Role) -> Spec {
    Spec {
        id,
        category: Category::Know,
        scopes: ANYWHERE,
        danger,
        role,
        slots: SLOTS,
        allocates: false,
        planned: false,
    }
}

impl Skill for Jobs {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let mut jobs = scene.jobs.running();
        jobs.retain(|job| is_here(job, scene) && is_about(job, args) && is_called(job, args));
        (self.act)(&jobs, args, scene)
    }
}

fn list(jobs: &[Arc<Job>], args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
    if jobs.is_empty() {
        return Ok(Plan::Answer(Reply::say(none(args, scene))));
    }
    let rows = jobs.iter().map(|job| row(job, scene)).collect();
    Ok(Plan::Answer(Reply::list(Phrase::new("job.list/head").with("n", jobs.len()), rows)))
}

fn stop(jobs: &[Arc<Job>], args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
    match jobs {
        [] => Ok(Plan::Answer(Reply::say(none(args, scene)))),
        [job] => {
            let number = job.number.to_string();
            let phrase =
                |id: &str| Phrase::new(format!("job.abort/{id}")).with("number", &number).with("what", what(job));
            let op = StopJob { job: job.id.clone(), number: number.clone(), by: scene.asker.to_owned() };
            Ok(Change::new(phrase("summary"), vec![op.into()], phrase("done"), phrase("told")).plan())
        }
        several => {
            let candidates = several.iter().flat_map(|job| subjects(job)).collect();
            Err(Refusal::Ambiguous { slot: "machine", candidates }.into())
        }
    }
}

/// Whether it is for whom is spoken to: a machine's own, those of a hypervisor, all.
fn is_here(job: &Job, scene: &Scene<'_>) -> bool {
    let machines = || job.steps().iter().filter_map(|step| step.machine.as_ref());
    match scene.scope {
        Scope::Machine => machines().any(|machine| machine.name == scene.entity),
        _ => scene.hypervisor.is_none_or(|host| {
            let mut ops = job.steps().iter().flat_map(|step| &step.change.ops);
            ops.any(|op| op.hypervisor().is_none_or(|on| on == host))
        }),
    }
}

/// Whether it is about the machine that is named.
fn is_about(job: &Job, args: &Args) -> bool {
    let Some(named) = args.machines("machine") else { return true };
    let own = subjects(job);
    named.iter().any(|name| own.iter().any(|one| name == one || name.split('@').next() == Some(one)))
}

/// Whether it is what it is called.
fn is_called(job: &Job, args: &Args) -> bool {
    let Some(word) = args.word("job") else { return true };
    job.steps().iter().flat_map(|step| &step.change.ops).any(|op| op.kind().called.contains(&word))
}

fn subjects(job: &Job) -> Vec<String> {
    job.steps().iter().filter_map(|step| Some(step.machine.as_ref()?.name.clone())).collect()
}

/// "save of web1", of the op that it is at.
fn what(job: &Job) -> Phrase {
    job.now().map_or_else(|| Phrase::common("nothing"), |op| op.deed(job.step().map_or("", Step::name)))
}

fn row(job: &Job, scene: &Scene<'_>) -> Phrase {
    let since = scene.now.timestamp().duration_since(job.begun).max(jiff::SignedDuration::from_secs(1));
    let percent = job.now().filter(|op| op.kind().is_long).and_then(|op| scene.host.progress(op).ok().flatten());
    let phrase = Phrase::new(if percent.is_some() { "job.list/row" } else { "job.list/row_unknown" })
        .with("number", job.number.to_string())
        .with("what", what(job))
        .with("who", job.asker())
        .with("span", since);
    match percent {
        Some(percent) => phrase.with("percent", usize::from(percent)),
        None => phrase,
    }
}

fn none(args: &Args, scene: &Scene<'_>) -> Phrase {
    // Something else may be under way, and must not be taken for it.
    let others = args.0.keys().any(|slot| slot == "job" || slot == "machine")
        && scene.jobs.running().iter().any(|job| is_here(job, scene));
    Phrase::new(if others { "job.list/none_such" } else { "job.list/none" })
}
