//! `atoll chat`: the same conversation in a terminal, without any XMPP.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use dialogue::machine::Utterance;
use jiff::{Timestamp, Zoned};

use crate::conversation::Bot;
use crate::host::HostRead;
use crate::message::{Asker, Message};
use crate::people::addresses::Entity;

/// A terminal that talks to one entity.
pub struct Chat {
    /// The driver.
    pub bot: Arc<Bot>,
    /// To whom.
    pub entity: Entity,
    /// How the entity is shown before its answers.
    pub shown: String,
    /// Who talks.
    pub asker: Asker,
    /// The time zone.
    pub zone: jiff::tz::TimeZone,
}

impl Chat {
    fn now(&self) -> Zoned {
        Timestamp::now().to_zoned(self.zone.clone())
    }

    /// One message and its answers.
    pub fn say(&self, text: &str, out: &mut dyn Write) -> std::io::Result<()> {
        let message = Message {
            asker: self.asker.clone(),
            entity: self.entity.clone(),
            room: None,
            utterance: Utterance { text: text.to_owned(), ..Utterance::default() },
            now: self.now(),
        };
        let mut answers = Vec::new();
        self.bot.hear(&message, &mut |rendered| answers.push(rendered));
        for answer in answers {
            let indent = " ".repeat(self.shown.chars().count() + 2);
            writeln!(out, "{}: {}", self.shown, answer.text.replace('\n', &format!("\n{indent}")))?;
        }
        out.flush()
    }

    /// Reads lines until the end of input; a transcript of them goes to `record`.
    ///
    /// # Errors
    /// When the terminal or the record fails.
    pub fn talk(&self, record: Option<&Path>) -> anyhow::Result<()> {
        let mut transcript = Vec::new();
        let mut editor = rustyline::DefaultEditor::new()?;
        loop {
            match editor.readline("> ") {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => {
                    let _ = editor.add_history_entry(&line);
                    let mut answer = Vec::new();
                    self.say(&line, &mut answer)?;
                    std::io::stdout().write_all(&answer)?;
                    transcript.push(format!("user: {line}"));
                    let answer = String::from_utf8_lossy(&answer);
                    let bot = answer.replacen(&format!("{}: ", self.shown), "bot: ", 1);
                    transcript.push(bot.trim_end().to_owned());
                }
                Err(rustyline::error::ReadlineError::Eof | rustyline::error::ReadlineError::Interrupted) => break,
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(path) = record {
            std::fs::write(path, format!("# A conversation with {}.\n{}\n", self.shown, transcript.join("\n")))?;
        }
        Ok(())
    }
}

/// The entity of a name: a machine, a hypervisor, or the desk when there is none of that name.
pub fn entity(host: &dyn HostRead, name: Option<&str>) -> Result<Entity, String> {
    let Some(name) = name else { return Ok(Entity::Desk) };
    if let Some(machine) = host.machines().into_iter().find(|machine| machine.name == name) {
        return Ok(Entity::Machine(machine.id.clone()));
    }
    if host.hypervisors().iter().any(|hypervisor| hypervisor.name == name) {
        return Ok(Entity::Hypervisor(name.to_owned()));
    }
    let names: Vec<String> = host
        .hypervisors()
        .into_iter()
        .map(|hypervisor| hypervisor.name)
        .chain(host.machines().iter().map(|machine| machine.name.clone()))
        .collect();
    Err(format!("there is neither a machine nor a hypervisor called {name}; there are: {}", names.join(", ")))
}
