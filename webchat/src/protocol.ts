/**
 * Reads stanzas into plain data. Pure: no state, no network.
 *
 * Only the direct children of a stanza are ever looked at. What is wrapped inside (carbons, XEP-0280; forwards,
 * XEP-0297; archive results, XEP-0313) is not read at all, so a forged copy has nothing to say (CVE-2017-5589).
 */
import { bare } from './jid.ts';

/** Namespaces of the extensions this page speaks. */
export const NS = {
  client: 'jabber:client',
  roster: 'jabber:iq:roster',
  chatStates: 'http://jabber.org/protocol/chatstates',
  receipts: 'urn:xmpp:receipts',
  markers: 'urn:xmpp:chat-markers:0',
  correct: 'urn:xmpp:message-correct:0',
  quickResponse: 'urn:xmpp:tmp:quick-response',
  styling: 'urn:xmpp:styling:0',
  delay: 'urn:xmpp:delay',
  carbons: 'urn:xmpp:carbons:2',
  mam: 'urn:xmpp:mam:2',
  muc: 'http://jabber.org/protocol/muc',
  mucOwner: 'http://jabber.org/protocol/muc#owner',
  mucUser: 'http://jabber.org/protocol/muc#user',
  discoInfo: 'http://jabber.org/protocol/disco#info',
  caps: 'http://jabber.org/protocol/caps',
  ping: 'urn:xmpp:ping',
  stanzaErrors: 'urn:ietf:params:xml:ns:xmpp-stanzas',
} as const;

/** Availability as the contact announced it (RFC 6121 §4.7.2.1). */
export type Show = 'available' | 'away' | 'xa' | 'dnd' | 'chat' | 'offline';

/** What the other side is doing with the conversation (XEP-0085). */
export type ChatState = 'active' | 'composing' | 'paused' | 'inactive' | 'gone';

/** One ready-made answer (XEP-0439): `value` is what is sent, `label` what the button says. */
export interface QuickResponse {
  value: string;
  label: string;
}

/** A message that says or reports something. */
export interface MessageIn {
  kind: 'message';
  /** Full address of the sender; empty when the server left it out (our own server speaks). */
  from: string;
  type: 'chat' | 'groupchat' | 'normal';
  id: string;
  body: string;
  /** Subject change of a room, null if the stanza carries none. */
  subject: string | null;
  /** When it was sent, if it was delayed (XEP-0203). */
  sentAt: Date | null;
  state: ChatState | null;
  /** Id of the message that this one corrects (XEP-0308), or nothing. */
  replaces: string;
  wantsReceipt: boolean;
  /** Ids that the sender confirms as received (XEP-0184) or read (XEP-0333). */
  received: string;
  displayed: string;
  responses: QuickResponse[];
  /** False where the sender asks for no styling (XEP-0393 §6). */
  styled: boolean;
}

/** Our message came back. */
export interface MessageError {
  kind: 'message-error';
  from: string;
  id: string;
  condition: string;
  text: string;
}

/** Availability of one resource of a contact, or of one occupant of a room. */
export interface PresenceIn {
  kind: 'presence';
  from: string;
  show: Show;
  status: string;
  priority: number;
  /** Present where a room says it (XEP-0045): about us, and whether entering just created the room. */
  room: { self: boolean; created: boolean } | null;
}

/** Somebody asks to see, grants, ends or refuses seeing presence (RFC 6121 §3). */
export interface SubscriptionIn {
  kind: 'subscription';
  from: string;
  type: 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed';
}

/** A presence that could not be delivered, or a room that could not be joined. */
export interface PresenceError {
  kind: 'presence-error';
  from: string;
  condition: string;
  text: string;
}

/** An entry of the roster. */
export interface RosterItem {
  jid: string;
  name: string;
  groups: string[];
  subscription: 'none' | 'to' | 'from' | 'both' | 'remove';
  /** True while our request to see them is unanswered. */
  asked: boolean;
}

/** A request to us, or an answer to one of ours. */
export interface IqIn {
  kind: 'iq';
  from: string;
  id: string;
  type: 'get' | 'set' | 'result' | 'error';
  /** The first child, which says what it is about. */
  payload: Element | null;
}

export type Incoming = MessageIn | MessageError | PresenceIn | PresenceError | SubscriptionIn | IqIn;

/** The most quick responses that are shown of one message. */
const MAX_RESPONSES = 12;

function childrenOf(parent: Element): Element[] {
  return Array.from(parent.childNodes).filter((node): node is Element => node.nodeType === 1);
}

/** The first direct child with this namespace and one of these names. */
export function child(parent: Element, namespace: string, ...names: string[]): Element | null {
  return (
    childrenOf(parent).find((el) => (el.namespaceURI ?? NS.client) === namespace && names.includes(el.localName)) ??
    null
  );
}

function text(parent: Element, name: string): string {
  return child(parent, NS.client, name)?.textContent ?? '';
}

function errorOf(stanza: Element): { condition: string; text: string } {
  const error = child(stanza, NS.client, 'error');
  if (!error) return { condition: '', text: '' };
  const parts = childrenOf(error).filter((el) => el.namespaceURI === NS.stanzaErrors);
  return {
    condition: parts.find((el) => el.localName !== 'text')?.localName ?? '',
    text: parts.find((el) => el.localName === 'text')?.textContent ?? '',
  };
}

/** Reads a stanza, or gives null for what this page has no use for. */
export function read(stanza: Element): Incoming | null {
  switch (stanza.localName) {
    case 'message':
      return readMessage(stanza);
    case 'presence':
      return readPresence(stanza);
    case 'iq':
      return readIq(stanza);
    default:
      return null;
  }
}

function readMessage(stanza: Element): MessageIn | MessageError | null {
  const from = stanza.getAttribute('from') ?? '';
  const id = stanza.getAttribute('id') ?? '';
  const type = stanza.getAttribute('type') ?? 'normal';
  if (type === 'error') return { kind: 'message-error', from, id, ...errorOf(stanza) };
  if (type === 'headline') return null;
  // Copies of other conversations: not asked for, so never believed.
  if (child(stanza, NS.carbons, 'sent', 'received') || child(stanza, NS.mam, 'result')) return null;

  const stamp = Date.parse(child(stanza, NS.delay, 'delay')?.getAttribute('stamp') ?? '');
  const subject = child(stanza, NS.client, 'subject');
  return {
    kind: 'message',
    from,
    type: type === 'chat' || type === 'groupchat' ? type : 'normal',
    id,
    body: text(stanza, 'body'),
    subject: subject && !child(stanza, NS.client, 'body') ? (subject.textContent ?? '') : null,
    sentAt: Number.isNaN(stamp) ? null : new Date(stamp),
    state: (child(stanza, NS.chatStates, 'active', 'composing', 'paused', 'inactive', 'gone')?.localName ??
      null) as ChatState | null,
    replaces: child(stanza, NS.correct, 'replace')?.getAttribute('id') ?? '',
    wantsReceipt: child(stanza, NS.receipts, 'request') !== null,
    received: child(stanza, NS.receipts, 'received')?.getAttribute('id') ?? '',
    displayed: child(stanza, NS.markers, 'displayed')?.getAttribute('id') ?? '',
    responses: readResponses(stanza),
    styled: child(stanza, NS.styling, 'unstyled') === null,
  };
}

/** Ready-made answers; those without a value and repeated ones are left out. */
function readResponses(stanza: Element): QuickResponse[] {
  const seen = new Map<string, QuickResponse>();
  for (const el of childrenOf(stanza)) {
    if (el.namespaceURI !== NS.quickResponse || el.localName !== 'response') continue;
    const value = el.getAttribute('value') ?? '';
    if (!value || seen.has(value) || seen.size >= MAX_RESPONSES) continue;
    seen.set(value, { value, label: el.getAttribute('label') || value });
  }
  return [...seen.values()];
}

function readPresence(stanza: Element): PresenceIn | PresenceError | SubscriptionIn | null {
  const from = stanza.getAttribute('from') ?? '';
  const type = stanza.getAttribute('type') ?? '';
  switch (type) {
    case 'subscribe':
    case 'subscribed':
    case 'unsubscribe':
    case 'unsubscribed':
      return { kind: 'subscription', from, type };
    case 'error':
      return { kind: 'presence-error', from, ...errorOf(stanza) };
    case '':
    case 'unavailable': {
      const room = child(stanza, NS.mucUser, 'x');
      const codes = room ? childrenOf(room).filter((el) => el.localName === 'status').map((el) => el.getAttribute('code')) : [];
      const priority = Number.parseInt(text(stanza, 'priority'), 10);
      return {
        kind: 'presence',
        from,
        show: type === 'unavailable' ? 'offline' : readShow(text(stanza, 'show')),
        status: text(stanza, 'status'),
        priority: Number.isNaN(priority) ? 0 : priority,
        room: room ? { self: codes.includes('110'), created: codes.includes('201') } : null,
      };
    }
    default:
      return null;
  }
}

/** Values that RFC 6121 does not know count as plainly available. */
function readShow(value: string): Show {
  return value === 'away' || value === 'xa' || value === 'dnd' || value === 'chat' ? value : 'available';
}

function readIq(stanza: Element): IqIn | null {
  const type = stanza.getAttribute('type');
  if (type !== 'get' && type !== 'set' && type !== 'result' && type !== 'error') return null;
  return {
    kind: 'iq',
    from: stanza.getAttribute('from') ?? '',
    id: stanza.getAttribute('id') ?? '',
    type,
    payload: childrenOf(stanza)[0] ?? null,
  };
}

/** Reads the entries of a roster result or push (RFC 6121 §2.1). */
export function readRoster(query: Element): RosterItem[] {
  if (query.namespaceURI !== NS.roster) return [];
  return childrenOf(query)
    .filter((el) => el.localName === 'item' && el.getAttribute('jid'))
    .map((el) => ({
      jid: bare(el.getAttribute('jid') ?? ''),
      name: el.getAttribute('name') ?? '',
      groups: childrenOf(el)
        .filter((group) => group.localName === 'group')
        .map((group) => group.textContent?.trim() ?? '')
        .filter(Boolean),
      subscription: readSubscription(el.getAttribute('subscription')),
      asked: el.getAttribute('ask') === 'subscribe',
    }));
}

function readSubscription(value: string | null): RosterItem['subscription'] {
  return value === 'to' || value === 'from' || value === 'both' || value === 'remove' ? value : 'none';
}

/**
 * May this roster push be believed? Only our own account may push (RFC 6121 §2.1.6).
 * @param from sender of the push, empty when our server left it out
 * @param me our own address
 */
export function rosterPushIsOurs(from: string, me: string): boolean {
  return from === '' || bare(from) === bare(me);
}
