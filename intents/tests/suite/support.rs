//! A small corpus, and the encoder if its weights are there.
use intents::{Encoder, EncoderError, Example};

/// Skills with what people say for them; "" is none of them.
pub const CORPUS: &[(&str, &[&str])] = &[
    (
        "vm.start",
        &[
            "start web1",
            "boot the machine",
            "power on db2",
            "bring web1 up",
            "switch it on",
            "please boot yourself",
            "wake up the server",
            "start the virtual machine",
        ],
    ),
    (
        "vm.shutdown",
        &[
            "shut down web1",
            "stop the machine",
            "power off gracefully",
            "turn yourself off",
            "halt the server",
            "please shut down",
            "switch it off properly",
            "stop db2",
        ],
    ),
    (
        "vm.force_off",
        &[
            "pull the plug",
            "kill the machine",
            "force it off",
            "cut the power now",
            "hard power off",
            "kill web1 at once",
            "force stop db2",
            "yank the power cord",
        ],
    ),
    (
        "vm.reboot",
        &[
            "reboot web1",
            "restart the machine",
            "please reboot yourself",
            "do a restart",
            "restart db2",
            "bounce the server",
            "cycle it once",
            "could you restart",
        ],
    ),
    (
        "vm.pause",
        &[
            "pause web1",
            "freeze the machine",
            "suspend yourself",
            "hold on for a while",
            "pause db2 please",
            "freeze execution",
            "suspend the server",
            "put it on hold",
        ],
    ),
    (
        "snapshot.create",
        &[
            "take a snapshot",
            "create a snapshot called before-upgrade",
            "snapshot web1",
            "save the current state as a snapshot",
            "make a new snapshot",
            "remember this state",
            "take a snapshot of db2",
            "snapshot yourself now",
        ],
    ),
    (
        "snapshot.delete",
        &[
            "delete the snapshot",
            "remove snapshot before-upgrade",
            "destroy snapshot old",
            "drop the old snapshot",
            "throw away snapshot monday",
            "get rid of that snapshot",
            "erase the snapshot",
            "delete snapshot x",
        ],
    ),
    (
        "disk.create",
        &[
            "create a new drive",
            "add a 20 gb disk",
            "make a qcow2 disk called data",
            "i need another drive",
            "new disk please",
            "attach more storage of 10 gigs",
            "create a volume of 30 gb",
            "give me a fresh disk",
        ],
    ),
    (
        "disk.list",
        &[
            "which disks do you have",
            "list your drives",
            "show disks",
            "how full are the disks",
            "what drives are there",
            "disk usage",
            "list volumes",
            "how much disk space is used",
        ],
    ),
    (
        "vm.ip",
        &[
            "what is your ip",
            "ip address",
            "which address do you have",
            "how can i reach you over the network",
            "show your ip address",
            "what ip did web1 get",
            "tell me the address of db2",
            "your ip please",
        ],
    ),
    (
        "vm.list",
        &[
            "list all machines",
            "which machines are off",
            "show the virtual machines",
            "who is running",
            "what vms are there",
            "list vms",
            "show everything on this host",
            "which servers exist",
        ],
    ),
    (
        "memory.set",
        &[
            "set memory to 4 gb",
            "give web1 more memory",
            "change ram to 8 gigs",
            "i want 2 gb of ram",
            "increase the memory",
            "reduce memory to 512 mb",
            "resize ram of db2 to 16 gb",
            "more ram please",
        ],
    ),
    (
        "talk.greet",
        &["hello", "hi there", "good morning", "hey", "good evening", "greetings", "hello web1", "hi, nice to see you"],
    ),
    (
        "",
        &[
            "what is the weather today",
            "tell me a joke",
            "order a pizza",
            "who won the match",
            "play some jazz",
            "translate cat to french",
            "what is the capital of peru",
            "book a flight to rome",
            "sing a song for me",
            "what is two plus two",
        ],
    ),
];

/// The corpus as examples.
pub fn corpus() -> Vec<Example<'static>> {
    CORPUS.iter().flat_map(|(label, texts)| texts.iter().map(|text| Example { text, label, language: "en" })).collect()
}

/// An encoder for tests: a word is a direction, and every text it is given is counted.
#[derive(Default)]
pub struct Counting {
    pub texts: std::sync::atomic::AtomicUsize,
}

impl Encoder for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn dimensions(&self) -> usize {
        64
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.texts.fetch_add(texts.len(), std::sync::atomic::Ordering::SeqCst);
        let encode = |text: &&str| {
            let mut vector = vec![0.0_f32; 64];
            for word in text.split_whitespace() {
                let place = word.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                vector[place % 64] += 1.0;
            }
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
            vector.iter().map(|x| x / length).collect()
        };
        Ok(texts.iter().map(encode).collect())
    }
}
