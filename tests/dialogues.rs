//! Every scenario of every transcript is a test of its own. `UPDATE=1` rewrites `bot:`, `host:` and `told:` lines.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use parking_lot::Mutex;
use tests::transcript::{self, Scenario};

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogues");
    if std::env::var_os("UPDATE").is_some() {
        update(&folder);
        return;
    }
    let mut trials = Vec::new();
    for path in transcript::files(&folder) {
        let text = std::fs::read_to_string(&path).expect("a transcript can be read");
        let file = path.strip_prefix(&folder).unwrap_or(&path).with_extension("").display().to_string();
        for scenario in transcript::scenarios(&text).1 {
            let name = format!("{file}::{}", scenario.name);
            trials.push(Trial::test(name, move || check(&scenario)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(scenario: &Scenario) -> Result<(), Failed> {
    let played = transcript::play(scenario)?;
    let wanted: Vec<&str> = scenario.lines.iter().map(|line| line.trim_end()).collect();
    let played: Vec<&str> = played.iter().map(|line| line.trim_end()).collect();
    if normal(&wanted) == normal(&played) {
        Ok(())
    } else {
        Err(Failed::from(format!("\n--- written\n{}\n+++ played\n{}\n", wanted.join("\n"), played.join("\n"))))
    }
}

/// Spaces after the colon are layout.
fn normal(lines: &[&str]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once(':') {
            Some((word, rest)) if !line.starts_with(' ') => format!("{word}: {}", rest.trim()),
            _ => (*line).to_owned(),
        })
        .collect()
}

fn update(folder: &Path) {
    let only = std::env::args().nth(1).unwrap_or_default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    for path in transcript::files(folder) {
        if !path.display().to_string().contains(&only) {
            continue;
        }
        rewrite(&path, &failures);
    }
    for failure in failures.lock().iter() {
        eprintln!("{failure}");
    }
}

fn rewrite(path: &PathBuf, failures: &Mutex<Vec<String>>) {
    let text = std::fs::read_to_string(path).expect("a transcript can be read");
    let (before, scenarios) = transcript::scenarios(&text);
    let mut out = before;
    for scenario in scenarios {
        out.push(format!("# {}", scenario.name));
        match transcript::play(&scenario) {
            Ok(played) => out.extend(played),
            Err(error) => {
                failures.lock().push(format!("{}: {}: {error}", path.display(), scenario.name));
                out.extend(scenario.lines);
            }
        }
    }
    let mut text = out.join("\n");
    text.push('\n');
    std::fs::write(path, text).expect("a transcript can be written");
}
