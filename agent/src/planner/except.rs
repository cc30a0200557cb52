//! Whom an exception leaves out: "all of them except the mail server".

use std::sync::Arc;

use grammar::kind::Of;

use super::twins::at_host;
use super::{Planner, is_called};
use crate::host::{Machine, MachineId};
use crate::refusal;
use crate::skill::Refusal;

impl Planner<'_> {
    /// The machines that are left out by these names: all of a name or title, else those of which it is a piece. Where nobody is called
    /// so, nobody knows who was meant, and nothing is done.
    pub(super) fn left_out(&self, names: &[String]) -> Result<Vec<MachineId>, Refusal> {
        let all = self.reach();
        let mut out = Vec::new();
        for said in names {
            let called = |machine: &&Arc<Machine>| {
                let host = at_host(&machine.id, &machine.name);
                let names = [machine.name.as_str(), host.as_str()].into_iter().chain(machine.also_called());
                names.into_iter().any(|name| is_called(said, name))
            };
            let mut of_it: Vec<&Arc<Machine>> = all.iter().filter(called).collect();
            if of_it.is_empty() {
                let known: Vec<String> = all.iter().map(|machine| machine.name.clone()).collect();
                let begun = refusal::begun(said, &known);
                of_it = all.iter().filter(|machine| begun.contains(&machine.name)).collect();
                if of_it.is_empty() && self.remembered(said).is_empty() {
                    let close = refusal::close(said, known.into_iter());
                    return Err(Refusal::NotFound { kind: Of::Machine, said: said.clone(), close });
                }
            }
            out.extend(of_it.into_iter().map(|machine| machine.id.clone()));
        }
        Ok(out)
    }
}
