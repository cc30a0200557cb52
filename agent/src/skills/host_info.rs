//! "what hardware do you have?": processors, memory and versions of a hypervisor.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ANYWHERE, host_status};
use crate::host::{HostError, Hypervisor};
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "host.info",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::optional("host", Kind::Name(Of::Hypervisor))],
    allocates: false,
    planned: false,
};

/// Hardware and versions of a hypervisor.
pub struct HostInfo;

impl Skill for HostInfo {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        Ok(Plan::Answer(report(scene, args.word("host"))?))
    }
}

/// One hypervisor in two sentences; several in a row each.
///
/// # Errors
/// An unknown name; the only host asked about does not answer.
pub(super) fn report(scene: &Scene<'_>, named: Option<&str>) -> Result<Reply, Stop> {
    let hosts = host_status::hosts(scene, named)?;
    if let [host] = hosts.as_slice() {
        return Ok(Reply::say(hardware("host.info/hardware", host, scene)?).and(hardware(
            "host.info/software",
            host,
            scene,
        )?));
    }
    let rows = hosts
        .iter()
        .map(|host| {
            hardware("host.info/row", host, scene)
                .unwrap_or_else(|_| Phrase::new("host.status/silent").with("host", &host.name))
        })
        .collect();
    Ok(Reply::list(Phrase::new("host.status/head").with("count", hosts.len()), rows))
}

fn hardware(key: &str, host: &Hypervisor, scene: &Scene<'_>) -> Result<Phrase, HostError> {
    let info = scene.host.host_info(&host.name)?;
    Ok(Phrase::new(key)
        .with("host", &host.name)
        .with("hostname", &info.hostname)
        .with("model", &info.cpu_model)
        .with("cpus", info.cpus)
        .with("memory", info.memory)
        .with("driver", &info.driver)
        .with("version", &info.version)
        .with("libvirt", &info.libvirt))
}
