/**
 * What the page knows: contacts, conversations, rooms, the link. Changed only by its methods; `subscribe` tells when
 * something is new. Contacts and messages are replaced rather than changed, so a view can compare them by identity.
 * Knows nothing of the network and the clock.
 */
import { bare, domain, resource, shortName } from './jid.ts';
import type { LinkError } from './connection.ts';
import type { MessageError, MessageIn, PresenceError, PresenceIn, QuickResponse, RosterItem, Show } from './protocol.ts';

/** State of the link to the server. `reconnecting`: lost, will be tried again by itself. */
export type Link =
  | { state: 'signed-out'; error: LinkError | null }
  | { state: 'connecting' }
  | { state: 'online' }
  | { state: 'reconnecting'; retryAt: number };

interface Availability {
  show: Show;
  status: string;
  priority: number;
}

export interface Contact {
  /** Bare address; of a private conversation inside a room the full one. Key of its conversation, too. */
  jid: string;
  name: string;
  groups: readonly string[];
  subscription: RosterItem['subscription'];
  asked: boolean;
  /** True if it stands in the roster on the server. */
  listed: boolean;
  resources: ReadonlyMap<string, Availability>;
  /** Set while this is a room. */
  room: { nick: string; joined: boolean; occupants: ReadonlySet<string> } | null;
  typing: boolean;
  unread: number;
  /** Why the subscription or the room failed, as an XMPP condition; nothing if all is well. */
  problem: string;
}

/** How far our message came. */
export type Delivery = 'sent' | 'received' | 'displayed' | 'failed';

export interface Message {
  /** Stable within the page. */
  key: number;
  /** Stanza id of the first version and of its corrections. */
  ids: readonly string[];
  mine: boolean;
  /** Full address of the sender. */
  from: string;
  /** Shown sender in a room. */
  nick: string;
  body: string;
  styled: boolean;
  at: Date;
  edited: boolean;
  delivery: Delivery;
  problem: string;
  responses: readonly QuickResponse[];
}

/** The most messages that are kept of one conversation. */
export const HISTORY = 1000;

export class Store {
  me = '';
  link: Link = { state: 'signed-out', error: null };
  readonly contacts = new Map<string, Contact>();
  /** Addresses that ask to see our presence. */
  readonly requests = new Set<string>();
  /** What was typed and not sent, by conversation. */
  readonly drafts = new Map<string, string>();
  /** Key of the conversation in view. */
  open: string | null = null;
  /** False while the page is hidden: then even the open conversation gathers unread messages. */
  watched = true;

  readonly #messages = new Map<string, readonly Message[]>();
  readonly #listeners = new Set<() => void>();
  #nextKey = 1;

  /** Calls `listener` after every change; the returned function ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  messages(key: string): readonly Message[] {
    return this.#messages.get(key) ?? [];
  }

  unread(): number {
    let sum = 0;
    for (const contact of this.contacts.values()) sum += contact.unread;
    return sum;
  }

  setLink(link: Link): void {
    this.link = link;
    this.#changed();
  }

  /** A new session begins: what was known of anybody's availability is out of date. */
  forgetPresence(): void {
    for (const contact of this.contacts.values()) {
      const room = contact.room && { ...contact.room, joined: false, occupants: new Set<string>() };
      this.#put({ ...contact, resources: new Map(), typing: false, room });
    }
    this.#changed();
  }

  /** Forgets everything, for the next person at this browser. */
  clear(): void {
    this.me = '';
    this.contacts.clear();
    this.requests.clear();
    this.drafts.clear();
    this.#messages.clear();
    this.open = null;
    this.#changed();
  }

  setOpen(key: string | null): void {
    this.open = key;
    this.#markRead();
    this.#changed();
  }

  setWatched(watched: boolean): void {
    this.watched = watched;
    if (watched) this.#markRead();
    this.#changed();
  }

  #markRead(): void {
    const contact = this.open === null ? undefined : this.contacts.get(this.open);
    if (contact && contact.unread > 0) this.#put({ ...contact, unread: 0 });
  }

  #put(contact: Contact): Contact {
    this.contacts.set(contact.jid, contact);
    return contact;
  }

  /** The contact with this key; made up as a stranger if there is none. */
  contact(key: string): Contact {
    return (
      this.contacts.get(key) ??
      this.#put({
        jid: key,
        name: resource(key) || shortName(key),
        groups: [],
        subscription: 'none',
        asked: false,
        listed: false,
        resources: new Map(),
        room: null,
        typing: false,
        unread: 0,
        problem: '',
      })
    );
  }

  /** Takes the whole roster (`complete`) or changes to it. */
  setRoster(items: readonly RosterItem[], complete: boolean): void {
    if (complete) {
      const listed = new Set(items.map((item) => item.jid));
      for (const contact of this.contacts.values()) {
        if (contact.listed && !listed.has(contact.jid)) this.#unlist(contact);
      }
    }
    for (const item of items) {
      const known = this.contact(item.jid);
      if (item.subscription === 'remove') {
        this.#unlist(known);
        continue;
      }
      const { jid, groups, subscription, asked } = item;
      const name = item.name || shortName(jid);
      const seen = subscription === 'to' || subscription === 'both';
      this.#put({ ...known, name, groups, subscription, asked, listed: true, problem: seen ? '' : known.problem });
    }
    this.#changed();
  }

  /** A contact that left the roster stays in view only if something was said. */
  #unlist(contact: Contact): void {
    if (contact.room || this.messages(contact.jid).length > 0) {
      this.#put({ ...contact, listed: false, subscription: 'none', asked: false, resources: new Map() });
      return;
    }
    this.contacts.delete(contact.jid);
    if (this.open === contact.jid) this.open = null;
  }

  addRequest(jid: string): void {
    this.requests.add(bare(jid));
    this.#changed();
  }

  dropRequest(jid: string): void {
    this.requests.delete(bare(jid));
    this.#changed();
  }

  /** The conversation an address belongs to: its bare form, or the occupant inside a room (XEP-0045 §7.5). */
  keyOf(from: string, type: MessageIn['type']): string {
    const plain = bare(from);
    const inRoom = this.contacts.get(plain)?.room != null;
    return inRoom && type !== 'groupchat' && resource(from) ? `${plain}/${resource(from)}` : plain;
  }

  /** Takes availability of contacts and room occupants; our own other devices don't count. */
  presence(event: PresenceIn): void {
    const jid = bare(event.from);
    if (jid === bare(this.me)) return;
    const contact = this.contacts.get(jid);
    // Presence of people who are neither in the roster nor in a room we entered is nobody's business.
    if (!contact) return;
    if (contact.room) {
      this.#roomPresence(contact, event);
      return;
    }
    const resources = new Map(contact.resources);
    const { show, status, priority } = event;
    if (show === 'offline') {
      // RFC 6121 §4.5.4: unavailable from a bare address ends them all.
      if (resource(event.from)) resources.delete(resource(event.from));
      else resources.clear();
      if (resources.size === 0 && status) resources.set('', { show, status, priority: -128 });
    } else {
      resources.delete('');
      resources.set(resource(event.from), { show, status, priority });
    }
    const online = best({ ...contact, resources }).show !== 'offline';
    this.#put({ ...contact, resources, typing: contact.typing && online });
    this.#changed();
  }

  #roomPresence(contact: Contact, event: PresenceIn): void {
    const room = contact.room;
    const nick = resource(event.from);
    if (!room || !nick) return;
    const occupants = new Set(room.occupants);
    const here = event.show !== 'offline';
    if (here) occupants.add(nick);
    else occupants.delete(nick);
    const self = event.room?.self ?? false;
    this.#put({
      ...contact,
      problem: self && here ? '' : contact.problem,
      room: { nick: self && here ? nick : room.nick, joined: self ? here : room.joined, occupants },
    });
    this.#changed();
  }

  /** Takes note of a failed subscription or room entry. */
  presenceError(event: PresenceError): void {
    const contact = this.contacts.get(bare(event.from));
    if (!contact) return;
    this.#put({ ...contact, problem: event.text || event.condition || 'unknown' });
    this.#changed();
  }

  /** The contact refused to be seen, or stopped it. */
  refused(from: string): void {
    const contact = this.contacts.get(bare(from));
    if (!contact) return;
    this.#put({ ...contact, asked: false, problem: 'unsubscribed', resources: new Map() });
    this.#changed();
  }

  addRoom(jid: string, nick: string): void {
    const known = this.contact(jid);
    this.#put({ ...known, name: shortName(jid), problem: '', room: { nick, joined: false, occupants: new Set() } });
    this.#changed();
  }

  removeRoom(jid: string): void {
    this.contacts.delete(jid);
    this.#messages.delete(jid);
    if (this.open === jid) this.open = null;
    this.#changed();
  }

  /** Puts our own message into its conversation, before the server has it. */
  said(key: string, id: string, body: string, at: Date): void {
    const nick = this.contacts.get(key)?.room?.nick ?? '';
    this.#append(key, {
      ids: [id],
      mine: true,
      from: nick ? `${key}/${nick}` : this.me,
      nick,
      body,
      styled: true,
      at,
      edited: false,
      delivery: 'sent',
      problem: '',
      responses: [],
    });
    this.#changed();
  }

  /** Replaces the text of our own message; false if it is no longer there. */
  reworded(key: string, original: string, id: string, body: string): boolean {
    const done = this.#update(
      key,
      (message) => message.mine && message.ids.includes(original),
      (message) => ({ ...message, ids: [...message.ids, id], body, edited: true, delivery: 'sent', problem: '' }),
    );
    if (done) this.#changed();
    return done;
  }

  /**
   * Takes a message, correction, receipt or chat state.
   * @param now stands in where the message carries no time
   * @returns whether something to read arrived
   */
  message(event: MessageIn, now: Date): boolean {
    const from = event.from || domain(this.me);
    const key = this.keyOf(from, event.type);
    // Our own other devices, and copies somebody forged in our name.
    if (key === bare(this.me)) return false;
    const room = this.contacts.get(key)?.room ?? null;
    // Messages of a room we never entered are not asked for.
    if (event.type === 'groupchat' && !room) return false;

    if (event.received) this.#delivered(key, event.received, 'received');
    if (event.displayed) this.#delivered(key, event.displayed, 'displayed');
    // A stranger's chat state opens no conversation.
    if (event.state && event.type !== 'groupchat' && this.contacts.has(key)) this.#typing(key, event.state === 'composing');
    if (!event.body) {
      this.#changed();
      return false;
    }

    const nick = event.type === 'groupchat' ? resource(from) : '';
    const mine = room !== null && nick !== '' && nick === room.nick;
    if (mine && this.#echo(key, from, event)) {
      this.#changed();
      return false;
    }
    if (!(event.replaces && this.#correct(key, from, event))) {
      this.#append(key, {
        ids: event.id ? [event.id] : [],
        mine,
        from,
        nick,
        body: event.body,
        styled: event.styled,
        at: event.sentAt ?? now,
        edited: false,
        delivery: 'received',
        problem: '',
        responses: event.responses,
      });
      const contact = this.contact(key);
      const seen = mine || (this.open === key && this.watched) || (room !== null && event.sentAt !== null);
      this.#put({ ...contact, typing: false, unread: seen ? contact.unread : contact.unread + 1 });
    }
    this.#changed();
    return true;
  }

  /** A room repeats what we said to all, and so confirms it. Some servers change the id. */
  #echo(key: string, from: string, event: MessageIn): boolean {
    return this.#update(
      key,
      ({ mine, ids, delivery, body }) =>
        mine && ((event.id !== '' && ids.includes(event.id)) || (delivery === 'sent' && body === event.body)),
      (message) => ({ ...message, from, delivery: 'received' }),
    );
  }

  /** Only who said something may correct it: the same bare address, in a room the same occupant (XEP-0308 §5). */
  #correct(key: string, from: string, event: MessageIn): boolean {
    const inRoom = event.type === 'groupchat';
    return this.#update(
      key,
      (message) =>
        message.ids.includes(event.replaces) &&
        (inRoom ? message.from === from : !message.mine && bare(message.from) === bare(from)),
      (message) => ({
        ...message,
        ids: event.id ? [...message.ids, event.id] : message.ids,
        body: event.body,
        styled: event.styled,
        edited: true,
        responses: event.responses,
      }),
    );
  }

  #typing(key: string, typing: boolean): void {
    const contact = this.contact(key);
    if (contact.typing !== typing) this.#put({ ...contact, typing });
  }

  /** Ends "is typing" where the other side forgot to. */
  stoppedTyping(key: string): void {
    if (!this.contacts.get(key)?.typing) return;
    this.#typing(key, false);
    this.#changed();
  }

  #delivered(key: string, id: string, delivery: Delivery): void {
    this.#update(
      key,
      (message) => message.mine && message.ids.includes(id) && message.delivery !== 'displayed',
      (message) => ({ ...message, delivery }),
    );
  }

  /** Our message could not be delivered. */
  failed(event: MessageError): void {
    const problem = event.text || event.condition || 'unknown';
    for (const key of new Set([bare(event.from), this.keyOf(event.from, 'chat')])) {
      this.#update(
        key,
        (message) => message.mine && event.id !== '' && message.ids.includes(event.id),
        (message) => ({ ...message, delivery: 'failed', problem }),
      );
    }
    this.#changed();
  }

  #append(key: string, message: Omit<Message, 'key'>): void {
    const kept = this.messages(key).slice(-(HISTORY - 1));
    this.contact(key);
    this.#messages.set(key, [...kept, { key: this.#nextKey++, ...message }]);
  }

  /** Changes the newest message that fits; false if none does. */
  #update(key: string, fits: (message: Message) => boolean, change: (message: Message) => Message): boolean {
    const messages = this.messages(key);
    const index = messages.findLastIndex(fits);
    const found = messages[index];
    if (!found) return false;
    this.#messages.set(key, messages.with(index, change(found)));
    return true;
  }
}

/** The availability that counts: of the resource with the highest priority. */
export function best(contact: Contact): { show: Show; status: string } {
  let top: Availability = { show: 'offline', status: '', priority: -129 };
  for (const availability of contact.resources.values()) if (availability.priority > top.priority) top = availability;
  return top;
}

/**
 * The ready-made answers that are still open: those of the last message that offered some, unless we have said
 * something since (XEP-0439 §4).
 */
export function openResponses(messages: readonly Message[]): { key: number; responses: readonly QuickResponse[] } | null {
  for (const message of messages.toReversed()) {
    if (message.mine) return null;
    if (message.responses.length > 0) return { key: message.key, responses: message.responses };
  }
  return null;
}
