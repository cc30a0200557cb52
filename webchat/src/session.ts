/** Brings link, protocol and store together: what the person can do, and what is done with what arrives. */
import { FEATURES, NAME, NODE, VERSION } from './capabilities.ts';
import * as compose from './compose.ts';
import { Connection, type LinkError } from './connection.ts';
import { bare, parseJid, resource } from './jid.ts';
import { child, NS, read, readRoster, rosterPushIsOurs, type IqIn, type MessageIn, type PresenceError } from './protocol.ts';
import { rememberedRooms, rememberJid, rememberRooms } from './settings.ts';
import type { Store } from './store.ts';

/** After this many milliseconds without a sign, nobody is typing any more. */
const TYPING_ENDS = 60_000;
/** After this many milliseconds without a key, we say that we paused. */
const PAUSED_AFTER = 5_000;

export class Session {
  readonly store: Store;
  readonly #connection: Connection;
  readonly #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();
  #composing: { key: string; timer: ReturnType<typeof setTimeout> } | null = null;

  constructor(store: Store) {
    this.store = store;
    this.#connection = new Connection({
      online: (me, resumed) => void this.#online(me, resumed),
      stanza: (element) => this.#stanza(element),
      lost: (retryAt) => store.setLink({ state: 'reconnecting', retryAt }),
      failed: (error) => this.#signedOut(error),
    });
  }

  signIn(jid: string, password: string, url: string): void {
    if (this.store.me && bare(this.store.me) !== jid) this.store.clear();
    this.store.me = jid;
    this.store.setLink({ state: 'connecting' });
    this.#connection.open(jid, password, url);
  }

  signOut(): void {
    this.#connection.close();
    this.#signedOut(null);
    this.store.clear();
  }

  #signedOut(error: LinkError | null): void {
    this.store.setLink({ state: 'signed-out', error });
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  async #online(me: string, resumed: boolean): Promise<void> {
    const { store } = this;
    store.me = me;
    rememberJid(bare(me));
    // A resumed session (XEP-0198) missed nothing, so what we know is still true.
    if (resumed) {
      store.setLink({ state: 'online' });
      return;
    }
    store.forgetPresence();
    const answer = await this.#connection.request('get', '', compose.rosterQuery());
    const query = answer && child(answer, NS.roster, 'query');
    if (query) store.setRoster(readRoster(query), true);
    store.setLink({ state: 'online' });
    this.#connection.send(compose.presence(NODE, VERSION));
    for (const room of rememberedRooms(bare(me))) this.#enter(room);
  }

  #stanza(element: Element): void {
    const event = read(element);
    switch (event?.kind) {
      case 'message':
        this.#message(event);
        break;
      case 'message-error':
        this.store.failed(event);
        break;
      case 'presence':
        this.store.presence(event);
        if (event.room?.self && event.room.created) this.#openRoom(bare(event.from));
        break;
      case 'presence-error':
        this.#presenceError(event);
        break;
      case 'subscription':
        this.#subscription(event.from, event.type);
        break;
      case 'iq':
        this.#iq(event);
        break;
    }
  }

  #message(event: MessageIn): void {
    const { store } = this;
    const key = store.keyOf(event.from, event.type);
    const arrived = store.message(event, new Date());
    // Receipts only to contacts: to others they would tell that somebody is here.
    if (arrived && event.wantsReceipt && event.id && event.type !== 'groupchat' && store.contacts.get(key)?.listed) {
      this.#connection.send(compose.receipt(event.from, event.id));
    }
    clearTimeout(this.#typingTimers.get(key));
    if (event.state === 'composing') {
      this.#typingTimers.set(key, setTimeout(() => store.stoppedTyping(key), TYPING_ENDS));
    }
  }

  #subscription(from: string, type: 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed'): void {
    const contact = this.store.contacts.get(bare(from));
    if (type === 'unsubscribed') this.store.refused(from);
    if (type !== 'subscribe') return;
    // Whom we asked, or already see, may see us too.
    const welcome = contact?.asked || contact?.subscription === 'to' || contact?.subscription === 'both';
    if (welcome) this.#connection.send(compose.subscription(bare(from), 'subscribed'));
    else this.store.addRequest(from);
  }

  #iq({ from, id, type, payload }: IqIn): void {
    if (type !== 'get' && type !== 'set') return;
    const about = `${type} ${payload?.namespaceURI ?? ''}`;
    if (payload && about === `set ${NS.roster}` && rosterPushIsOurs(from, this.store.me)) {
      this.store.setRoster(readRoster(payload), false);
      this.#connection.send(compose.iqResult(from, id));
    } else if (payload && about === `get ${NS.discoInfo}`) {
      const info = compose.discoInfo(payload.getAttribute('node') ?? '', NAME, FEATURES);
      this.#connection.send(compose.iqResult(from, id, info));
    } else if (about === `get ${NS.ping}`) {
      this.#connection.send(compose.iqResult(from, id));
    } else {
      this.#connection.send(compose.iqUnavailable(from, id));
    }
  }

  /** Brings a conversation into view. */
  show(key: string | null): void {
    this.store.setOpen(key);
  }

  /** Sends a message; false if there is no link, so that nothing typed is lost. */
  say(key: string, body: string): boolean {
    const id = compose.newId();
    const type = this.#typeOf(key);
    if (!this.#connection.send(compose.chat({ to: key, type, id, body, replaces: '' }))) return false;
    this.#stopComposing();
    this.store.said(key, id, body, new Date());
    return true;
  }

  /** Corrects our own message with this id (XEP-0308); false if there is no link. */
  reword(key: string, original: string, body: string): boolean {
    const id = compose.newId();
    const type = this.#typeOf(key);
    if (!this.#connection.send(compose.chat({ to: key, type, id, body, replaces: original }))) return false;
    this.#stopComposing();
    this.store.reworded(key, original, id, body);
    return true;
  }

  #typeOf(key: string): 'chat' | 'groupchat' {
    return this.store.contacts.get(key)?.room ? 'groupchat' : 'chat';
  }

  /** A key was pressed in the composer of a conversation; `empty` if nothing is left there. */
  typing(key: string, empty: boolean): void {
    const contact = this.store.contacts.get(key);
    if (!contact?.listed || contact.room) return;
    if (empty || this.#composing?.key !== key) this.#pauseComposing(empty ? 'active' : 'paused');
    if (empty) return;
    if (!this.#composing) this.#connection.send(compose.chatState(key, 'composing'));
    this.#stopComposing();
    this.#composing = { key, timer: setTimeout(() => this.#pauseComposing('paused'), PAUSED_AFTER) };
  }

  #pauseComposing(state: 'paused' | 'active'): void {
    if (this.#composing) this.#connection.send(compose.chatState(this.#composing.key, state));
    this.#stopComposing();
  }

  #stopComposing(): void {
    clearTimeout(this.#composing?.timer);
    this.#composing = null;
  }

  /** Adds an address to the roster and asks to see it. Resolves to false if the server refused or didn't answer. */
  async add(jid: string, name: string): Promise<boolean> {
    const answer = await this.#connection.request('set', '', compose.rosterItem(jid, name));
    if (answer?.getAttribute('type') !== 'result') return false;
    this.#connection.send(compose.subscription(jid, 'subscribe'));
    return true;
  }

  /** Takes an address out of the roster. */
  async remove(jid: string): Promise<boolean> {
    const answer = await this.#connection.request('set', '', compose.rosterRemoval(jid));
    return answer?.getAttribute('type') === 'result';
  }

  /** Lets somebody see us, and asks to see them. */
  async accept(jid: string): Promise<void> {
    this.store.dropRequest(jid);
    this.#connection.send(compose.subscription(jid, 'subscribed'));
    await this.add(jid, '');
  }

  decline(jid: string): void {
    this.store.dropRequest(jid);
    this.#connection.send(compose.subscription(jid, 'unsubscribed'));
  }

  /** Enters a room and remembers it in this browser. */
  join(room: string): void {
    this.#enter(room);
    this.#rememberRooms();
    this.show(room);
  }

  #enter(room: string): void {
    const nick = this.store.contacts.get(room)?.room?.nick ?? parseJid(this.store.me)?.local ?? 'guest';
    this.store.addRoom(room, nick);
    this.#connection.send(compose.joinRoom(room, nick));
  }

  /** A taken nick gets a tail; any other reason is shown. */
  #presenceError(event: PresenceError): void {
    const room = bare(event.from);
    const nick = this.store.contacts.get(room)?.room?.nick;
    if (nick && event.condition === 'conflict' && nick.length < 60 && resource(event.from) === nick) {
      this.store.addRoom(room, `${nick}_`);
      this.#enter(room);
    } else {
      this.store.presenceError(event);
    }
  }

  /** Makes a room we just created usable for others. */
  #openRoom(room: string): void {
    if (!this.store.contacts.get(room)?.room) return;
    void this.#connection.request('set', room, compose.openRoom());
  }

  /** Leaves a room and forgets it. */
  leave(room: string): void {
    const nick = this.store.contacts.get(room)?.room?.nick;
    if (nick) this.#connection.send(compose.leaveRoom(room, nick));
    this.store.removeRoom(room);
    this.#rememberRooms();
  }

  #rememberRooms(): void {
    const rooms = [...this.store.contacts.values()].filter((contact) => contact.room).map((contact) => contact.jid);
    rememberRooms(bare(this.store.me), rooms);
  }
}
