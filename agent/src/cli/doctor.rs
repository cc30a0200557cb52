//! `atoll doctor`: each component, and the exit code of the first that fails.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Where, print, runtime};
use crate::app::doctor::examine;
use crate::skill::Leg;

/// Check each component: configuration, store, model, clock, libvirt, events, XMPP, delivery.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    place: Where,
    /// As JSON: for each component its name, whether it works, and a detail.
    #[arg(long)]
    json: bool,
}

/// Looks at all legs.
pub(super) fn prove(Doctor { place, json }: &Doctor) -> anyhow::Result<ExitCode> {
    let runtime = runtime()?;
    let legs = runtime.block_on(examine(&place.config));
    // A hung libvirt call must not keep the doctor from leaving.
    runtime.shutdown_background();
    print(&if *json { in_json(&legs)? } else { legs.iter().map(line).collect() })?;
    let failed = legs.iter().find(|leg| leg.state.is_err() && leg.name != "model");
    Ok(ExitCode::from(match failed.map(|leg| leg.name) {
        None => 0,
        Some("config") => 2,
        Some("libvirt" | "events") => 3,
        Some("xmpp" | "delivery") => 4,
        Some(_) => 1,
    }))
}

fn line(leg: &Leg) -> String {
    match &leg.state {
        Ok(detail) => format!("  ok   {:<9} {detail}\n", leg.name),
        Err(why) => format!("  FAIL {:<9} {why}\n", leg.name),
    }
}

fn in_json(legs: &[Leg]) -> serde_json::Result<String> {
    let legs: Vec<_> = legs
        .iter()
        .map(|leg| match &leg.state {
            Ok(detail) | Err(detail) => json!({ "leg": leg.name, "ok": leg.state.is_ok(), "detail": detail }),
        })
        .collect();
    Ok(serde_json::to_string_pretty(&legs)? + "\n")
}
