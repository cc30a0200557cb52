//! How the running agent does, for whoever asks it in a chat: hosts, journal, model, XMPP. `atoll doctor` looks closer.

use dialogue::reply::Phrase;

use crate::channels::xmpp::service::Handle;
use crate::host::libvirt::{Bridge, Connection, DownReason, HostStatus};
use crate::nlu::Nlu;
use crate::skill::Health;
use crate::state::journal::{Journal, News};

/// Looks at all legs. `xmpp` is there once it was started.
pub(crate) fn look(bridge: &Bridge, nlu: &Nlu, journal: &Journal, xmpp: Option<&Handle>) -> Vec<Health> {
    let mut legs: Vec<Health> =
        bridge.status().iter().map(|status| Health { leg: "libvirt", state: libvirt(status) }).collect();
    legs.push(Health { leg: "journal", state: written(journal) });
    let named = |name: &str| Phrase::new("agent.doctor/detail").with("text", name);
    let encoder = nlu.encoder().map(named).map_err(|_| Phrase::new("agent.doctor/no_encoder"));
    legs.push(Health { leg: "model", state: encoder });
    let server = xmpp.and_then(|handle| handle.status().server);
    let connected = server.as_deref().map(named).ok_or_else(|| Phrase::new("agent.doctor/not_connected"));
    legs.push(Health { leg: "xmpp", state: connected });
    legs
}

fn libvirt(status: &HostStatus) -> Result<Phrase, Phrase> {
    let host = |phrase: Phrase| phrase.with("host", status.name.as_str());
    match &status.connection {
        Connection::Up => Ok(host(Phrase::new("agent.doctor/machines")).with("count", status.machines)),
        Connection::Connecting => Err(host(Phrase::new("agent.doctor/connecting"))),
        Connection::Down { reason, .. } => Err(host(Phrase::new(match reason {
            DownReason::BadUri => "agent.doctor/bad_uri",
            DownReason::Denied => "agent.doctor/denied",
            DownReason::NotRunning => "agent.doctor/not_running",
            DownReason::NoAnswer => "agent.doctor/no_answer",
            DownReason::Lost => "agent.doctor/lost",
            DownReason::Other => "agent.doctor/unreachable",
        }))),
    }
}

fn written(journal: &Journal) -> Result<Phrase, Phrase> {
    match journal.health() {
        Ok(lines) => Ok(Phrase::new("agent.doctor/lines").with("count", lines as f64)),
        Err((stuck, damages)) => {
            let stuck = stuck.map(News::Stuck);
            let all = stuck.into_iter().chain(damages.into_iter().map(News::Damaged));
            let said: Vec<Phrase> = all.map(|news| news.phrase()).collect();
            Err(Phrase::new("agent.doctor/details").with("all", said))
        }
    }
}
