//! A wire between the agent and its server that can be stopped and cut: what was sent and never arrived.
//!
//! What the server says always passes, so that a test knows what the agent has heard when nothing of it gets out any more.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// The wire. Its threads end with the test's process.
pub struct Wire {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    held: Mutex<bool>,
    changed: Condvar,
    ends: Mutex<Vec<TcpStream>>,
}

impl Wire {
    /// A wire to a server's `host:port`.
    ///
    /// # Panics
    /// When there is no port on loopback.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("it works on loopback");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let (server, of) = (server.to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                // A server that is down is one that hangs up.
                if let Ok(server) = TcpStream::connect(&server) {
                    of.join(agent, server);
                }
            }
        });
        Self { port, state }
    }

    /// Where the agent finds it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on nothing that the agent sends gets on.
    pub fn hold(&self) {
        self.state.hold(true);
    }

    /// What was held, and all that follows, gets on.
    pub fn release(&self) {
        self.state.hold(false);
    }

    /// Ends the connection; what was held is lost. The next one is whole.
    pub fn cut(&self) {
        for end in self.state.ends.lock().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
        self.release();
    }
}

impl State {
    fn hold(&self, held: bool) {
        *self.held.lock() = held;
        self.changed.notify_all();
    }

    fn join(self: &Arc<Self>, agent: TcpStream, server: TcpStream) {
        let (Ok(from_agent), Ok(to_server)) = (agent.try_clone(), server.try_clone()) else { return };
        if let (Ok(one), Ok(other)) = (agent.try_clone(), server.try_clone()) {
            self.ends.lock().extend([one, other]);
        }
        let state = Arc::clone(self);
        std::thread::spawn(move || pump(from_agent, to_server, || state.wait()));
        std::thread::spawn(move || pump(server, agent, || ()));
    }

    fn wait(&self) {
        let mut held = self.held.lock();
        self.changed.wait_while(&mut held, |held| *held);
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, before: impl Fn()) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        before();
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
