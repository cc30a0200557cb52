//! "which pools are there?", "how full are the pools?": the storage pools of a hypervisor, the fullest first.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Spec};
use grammar::size::Bytes;

use super::ANYWHERE;
use crate::host::Pool;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "pool.list",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[],
    allocates: false,
    planned: false,
};

/// Storage pools and how full they are.
pub struct PoolList;

impl Skill for PoolList {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let hosts = super::host_status::hosts(scene, None)?;
        let mut pools: Vec<(&str, Pool)> = Vec::new();
        for host in &hosts {
            pools.extend(scene.host.pools(&host.name).into_iter().map(|pool| (host.name.as_str(), pool)));
        }
        pools.sort_by_key(|(_, pool)| std::cmp::Reverse(percent_used(pool)));
        let several = hosts.len() > 1;
        let rows = pools.iter().map(|(host, pool)| row(pool, Some(*host).filter(|_| several))).collect();
        let mut head = super::host_status::missing(&hosts, scene);
        if !pools.is_empty() || head.is_empty() {
            head.push(Phrase::new("pool.list/head").with("count", pools.len()));
        }
        Ok(Plan::Answer(Reply { head, rows, ..Reply::default() }))
    }
}

fn row(pool: &Pool, host: Option<&str>) -> Phrase {
    let name = host.map_or_else(|| pool.name.clone(), |host| format!("{} ({host})", pool.name));
    Phrase::new(if pool.active { "pool.list/row" } else { "pool.list/row_stopped" })
        .with("pool", name)
        .with("percent", percent_used(pool))
        .with("free", pool.available)
        .with("capacity", pool.capacity)
}

/// Whole percents of the capacity that are taken; 0 of an empty or inactive pool.
fn percent_used(pool: &Pool) -> u32 {
    let Bytes(capacity) = pool.capacity;
    let used = capacity.saturating_sub(pool.available.0);
    u32::try_from(u128::from(used) * 100 / u128::from(capacity.max(1))).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_of_odd_pools_are_percents() {
        for (capacity, available, percent) in [(0, 0, 0), (100, 0, 100), (100, 97, 3), (100, 200, 0), (u64::MAX, 1, 99)]
        {
            let pool = Pool {
                name: "p".to_owned(),
                kind: "dir".to_owned(),
                active: true,
                capacity: Bytes(capacity),
                available: Bytes(available),
            };
            assert_eq!(percent_used(&pool), percent, "{available} of {capacity}");
        }
    }
}
