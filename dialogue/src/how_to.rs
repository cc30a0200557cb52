//! Questions how something is done, and what a "help" after a trouble is about.

use grammar::frame::{Part, Stance};

use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::{Call, Trouble};
use crate::topics::HELP;

impl Turn<'_> {
    /// "How do I …?" is answered by help, about what is asked.
    pub(crate) fn tell_how(&mut self, skill: &str) {
        self.session.trace.how_to = Some(skill.to_owned());
        let help = Call { skill: HELP.to_owned(), ..Call::default() };
        self.begin(vec![help], Path::Understood, false, Vec::new(), None);
    }

    /// The same where the question itself was taken for one to help.
    pub(crate) fn note_how_to(&mut self, part: &Part, call: &Call) {
        if call.skill == HELP && part.stance == Stance::HowTo && !call.args.contains_key("topic") {
            self.session.trace.how_to = self.heard.topics().covering(&part.text).map(str::to_owned);
        }
    }

    /// What was wanted of these skills came to nothing: a "help" right after is about that.
    pub(crate) fn trouble_with(&mut self, calls: &[Call], why: Vec<Phrase>) {
        let skills = calls.iter().map(|call| call.skill.clone()).collect();
        self.session.trouble = Some(Trouble { skills, text: None, why, at: self.now() });
    }

    /// The same where nobody knows what was wanted.
    pub(crate) fn trouble_near(&mut self, skills: Vec<String>) {
        let text = Some(self.session.trace.text.clone());
        self.session.trouble = Some(Trouble { skills, text, why: Vec::new(), at: self.now() });
    }
}
