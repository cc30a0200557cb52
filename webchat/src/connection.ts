/**
 * The link to the XMPP server: WebSocket (RFC 7395), log-in (SASL), stream management (XEP-0198), pings, and coming
 * back by itself after a loss. The password lives in memory only, and only while signed in.
 */
import { MemoryStorageBackend, Strophe } from 'strophe.js';
import { bare, domain } from './jid.ts';
import { iq, newId, ping } from './compose.ts';

/** Why a link could not be made or kept; `detail` is the server's own word for it. */
export interface LinkError {
  kind: 'bad-server' | 'forbidden' | 'unreachable' | 'unknown-domain' | 'wrong-password' | 'no-safe-login' | 'refused' | 'replaced';
  detail: string;
}

export interface LinkEvents {
  /** Logged in as `me` (full address). `resumed`: the server kept our session, nothing was missed. */
  online(me: string, resumed: boolean): void;
  /** A stanza arrived. */
  stanza(element: Element): void;
  /** The link broke and is tried again at `retryAt` (milliseconds since 1970). */
  lost(retryAt: number): void;
  /** Not connected, and it makes no sense to try again without the person. */
  failed(error: LinkError): void;
}

type StropheConnection = InstanceType<typeof Strophe.Connection>;
type Timer = ReturnType<typeof setTimeout> | undefined;

/** Milliseconds. */
const ATTEMPT_TIMEOUT = 15_000;
const PING_AFTER_SILENCE = 30_000;
const REPLY_TIMEOUT = 20_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;

/**
 * The library takes a stream error anywhere inside a stanza for one of the stream, so that anybody could throw us off
 * by wrapping one in a message. Only a direct child counts here.
 */
class StrictWebsocket extends Strophe.Websocket {
  override _checkStreamError(wrapper: Element, status: number): boolean {
    const top = [wrapper, ...wrapper.children];
    const real = top.some((element) => element.namespaceURI === Strophe.NS.STREAM && element.localName === 'error');
    return real && super._checkStreamError(wrapper, status);
  }
}
Strophe.Connection.addProtocol('strict-websocket', StrictWebsocket);
Strophe.setLogLevel(Strophe.LogLevel.FATAL);

/** True where nobody between page and server can read along: TLS, or the same machine. */
export function isPrivate(url: string): boolean {
  const parsed = URL.parse(url);
  if (!parsed) return false;
  return parsed.protocol === 'wss:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(parsed.hostname);
}

interface Account {
  jid: string;
  password: string;
}

interface Pending {
  to: string;
  done: (answer: Element | null) => void;
}

export class Connection {
  readonly #events: LinkEvents;
  #strophe: StropheConnection | null = null;
  #account: Account | null = null;
  /** True after the first log-in: from then on a loss is mended instead of reported. */
  #established = false;
  #failure: LinkError | null = null;
  #retries = 0;
  #lastHeard = 0;
  #attemptTimer: Timer;
  #retryTimer: Timer;
  #pingTimer: Timer;
  readonly #pending = new Map<string, Pending>();

  constructor(events: LinkEvents) {
    this.#events = events;
    addEventListener('online', () => this.retryNow());
    // The page's own policy may allow one server only; to the socket that looks like a server that isn't there.
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
      if (effectiveDirective === 'connect-src') this.#failure = { kind: 'forbidden', detail: blockedURI };
    });
  }

  get online(): boolean {
    return this.#strophe?.authenticated ?? false;
  }

  /** Connects and logs in; the outcome comes as an event. */
  open(jid: string, password: string, url: string): void {
    this.close();
    const parsed = URL.parse(url);
    if (!parsed || !/^wss?:$/.test(parsed.protocol)) {
      this.#events.failed({ kind: 'bad-server', detail: url });
      return;
    }
    const scram = [Strophe.SASLSHA512, Strophe.SASLSHA256, Strophe.SASLSHA1];
    this.#strophe = new Strophe.Connection(parsed.href, {
      // The name our transport is registered under above; the library's type lists only its own.
      protocol: 'strict-websocket' as 'wss',
      mechanisms: isPrivate(url) ? [...scram, Strophe.SASLPlain] : scram,
      enableStreamManagement: true,
      streamManagement: { storage: new MemoryStorageBackend() },
    });
    // Falling back to XEP-0078 would send the password in the clear.
    this.#strophe._attemptLegacyAuth = () => this.#status(Strophe.Status.CONNFAIL, 'no-auth-mech');
    this.#account = { jid, password };
    this.#established = false;
    this.#retries = 0;
    this.#attempt();
  }

  /** Logs out and forgets the password. */
  close(): void {
    const strophe = this.#forget();
    // Without a socket there is nobody to say goodbye to.
    if (strophe?.connected) strophe.disconnect();
    else strophe?._doDisconnect();
  }

  /** Stops all timers and lets go of account and stream; gives the stream, now deaf to what is left of it. */
  #forget(): StropheConnection | null {
    clearTimeout(this.#attemptTimer);
    clearTimeout(this.#retryTimer);
    clearInterval(this.#pingTimer);
    this.#retryTimer = undefined;
    this.#dropPending();
    const strophe = this.#strophe;
    this.#strophe = null;
    this.#account = null;
    this.#failure = null;
    if (strophe) {
      strophe.connect_callback = null;
      strophe.pass = null;
    }
    return strophe;
  }

  /** Tries a lost link again without waiting. */
  retryNow(): void {
    if (!this.#retryTimer) return;
    this.#attempt();
  }

  /** Sends a stanza; false if there is no link, and then nothing is sent. */
  send(stanza: Element): boolean {
    if (!this.#strophe || !this.online) return false;
    this.#strophe.send(stanza);
    return true;
  }

  /**
   * Sends a request and waits for the answer of exactly the address asked: others may guess the id.
   * @param to empty for our own account
   * @returns the answer (result or error), or null if none came in time
   */
  request(type: 'get' | 'set', to: string, payload: Element): Promise<Element | null> {
    const id = newId();
    return new Promise((resolve) => {
      const done = (answer: Element | null): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(done, REPLY_TIMEOUT, null);
      this.#pending.set(id, { to, done });
      if (!this.send(iq(type, id, to, payload))) done(null);
    });
  }

  #attempt(): void {
    const { jid, password } = this.#account ?? {};
    const strophe = this.#strophe;
    if (!strophe || !jid || password === undefined) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#failure = null;
    strophe.reset();
    // A server that swallows packets would keep us waiting for minutes.
    this.#attemptTimer = setTimeout(() => this.#drop(), ATTEMPT_TIMEOUT);
    strophe.connect(jid, password, (status, condition, element) => this.#status(status, condition, element));
  }

  /** Tears the socket down without the goodbyes that nobody would hear; the session stays resumable. */
  #drop(): void {
    this.#strophe?._doDisconnect();
  }

  #status(status: number, condition: string | null, element?: Element): void {
    switch (status) {
      case Strophe.Status.CONNECTED:
        this.#connected();
        break;
      case Strophe.Status.CONNFAIL:
      case Strophe.Status.ERROR:
        this.#failure ??= streamFailure(condition ?? '');
        if (condition === 'no-auth-mech') this.#drop();
        break;
      case Strophe.Status.AUTHFAIL:
        this.#failure = loginFailure(element);
        this.#drop();
        break;
      case Strophe.Status.DISCONNECTED:
        this.#disconnected();
        break;
    }
  }

  #connected(): void {
    const strophe = this.#strophe;
    if (!strophe) return;
    clearTimeout(this.#attemptTimer);
    this.#established = true;
    this.#retries = 0;
    this.#failure = null;
    this.#lastHeard = Date.now();
    strophe.addHandler((stanza) => this.#received(stanza), null, null, null);
    clearInterval(this.#pingTimer);
    this.#pingTimer = setInterval(() => void this.#checkAlive(), PING_AFTER_SILENCE);
    this.#events.online(strophe.jid, strophe.hasResumed());
  }

  /** Always true: the library drops a handler that says otherwise, or throws. */
  #received(stanza: Element): boolean {
    this.#lastHeard = Date.now();
    try {
      if (!this.#answered(stanza)) this.#events.stanza(stanza);
    } catch (error) {
      console.error('stanza dropped', error);
    }
    return true;
  }

  #answered(stanza: Element): boolean {
    const type = stanza.getAttribute('type');
    if (stanza.localName !== 'iq' || (type !== 'result' && type !== 'error')) return false;
    const pending = this.#pending.get(stanza.getAttribute('id') ?? '');
    if (pending && this.#mayAnswer(stanza.getAttribute('from') ?? '', pending.to)) pending.done(stanza);
    return true;
  }

  #mayAnswer(from: string, to: string): boolean {
    const me = this.#strophe?.jid ?? '';
    if (to) return from === to;
    return from === '' || from === bare(me) || from === me;
  }

  async #checkAlive(): Promise<void> {
    if (Date.now() - this.#lastHeard < PING_AFTER_SILENCE) return;
    const strophe = this.#strophe;
    const answer = await this.request('get', domain(strophe?.jid ?? ''), ping());
    if (!answer && strophe === this.#strophe && Date.now() - this.#lastHeard >= REPLY_TIMEOUT) this.#drop();
  }

  #disconnected(): void {
    clearTimeout(this.#attemptTimer);
    clearInterval(this.#pingTimer);
    this.#dropPending();
    const failure = this.#failure ?? { kind: 'unreachable', detail: '' };
    const mendable = failure.kind === 'unreachable' || failure.kind === 'refused';
    if (!this.#established || !mendable) {
      this.#forget();
      this.#events.failed(failure);
      return;
    }
    const wait = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.#retries++) * (0.75 + Math.random() / 2);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#attempt(), wait);
    this.#events.lost(Date.now() + wait);
  }

  #dropPending(): void {
    for (const { done } of [...this.#pending.values()]) done(null);
  }
}

/** What a failed connection or a stream error (RFC 6120 §4.9) means to the person. */
function streamFailure(condition: string): LinkError {
  switch (condition) {
    case 'no-auth-mech':
      return { kind: 'no-safe-login', detail: condition };
    case 'host-unknown':
    case 'host-gone':
      return { kind: 'unknown-domain', detail: condition };
    case 'conflict':
      return { kind: 'replaced', detail: condition };
    default:
      return { kind: 'unreachable', detail: condition };
  }
}

/** What a refused log-in (RFC 6120 §6.5) means to the person. */
function loginFailure(element: Element | undefined): LinkError {
  const detail = [...(element?.children ?? [])].find((part) => part.localName !== 'text')?.localName ?? '';
  return { kind: detail === 'not-authorized' ? 'wrong-password' : 'refused', detail };
}
