/** Writes the stanzas this page sends, as elements and never as strings: a value cannot become markup. */
import { NS, type ChatState } from './protocol.ts';

const xml = document.implementation.createDocument(null, null);

/**
 * An element with its namespace written out as the `xmlns` attribute, the form the connection library serialises.
 * Attributes that are empty or absent are left out.
 */
function el(name: string, attributes: Record<string, string>, ...children: (Element | string)[]): Element {
  const element = xml.createElementNS(null, name);
  for (const [key, value] of Object.entries(attributes)) if (value) element.setAttribute(key, xmlText(value));
  for (const child of children) element.append(typeof child === 'string' ? xml.createTextNode(xmlText(child)) : child);
  return element;
}

/** Drops characters that XML 1.0 cannot carry; a single one of them would end the stream. */
export function xmlText(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '');
}

/** A fresh stanza id that nobody can guess. Works on plain HTTP too, where `crypto.randomUUID` is missing. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface ChatOut {
  to: string;
  type: 'chat' | 'groupchat';
  id: string;
  body: string;
  /** Id of our own message that this one corrects (XEP-0308), or nothing. */
  replaces: string;
}

/** A message to read; outside rooms with a request for a receipt (XEP-0184). */
export function chat({ to, type, id, body, replaces }: ChatOut): Element {
  const message = el('message', { xmlns: NS.client, to, type, id }, el('body', {}, body));
  message.append(el('active', { xmlns: NS.chatStates }));
  if (type === 'chat') message.append(el('request', { xmlns: NS.receipts }));
  if (replaces) message.append(el('replace', { xmlns: NS.correct, id: replaces }));
  return message;
}

/** "I am typing", and its end (XEP-0085); nobody need keep it. */
export function chatState(to: string, state: ChatState): Element {
  return el(
    'message',
    { xmlns: NS.client, to, type: 'chat' },
    el(state, { xmlns: NS.chatStates }),
    el('no-store', { xmlns: 'urn:xmpp:hints' }),
  );
}

/** "I got it" (XEP-0184). */
export function receipt(to: string, id: string): Element {
  return el('message', { xmlns: NS.client, to, type: 'chat' }, el('received', { xmlns: NS.receipts, id }));
}

/** Our availability, with the hash of our capabilities (XEP-0115). */
export function presence(node: string, ver: string): Element {
  return el('presence', { xmlns: NS.client }, el('c', { xmlns: NS.caps, hash: 'sha-1', node, ver }));
}

/** A step of the subscription handshake (RFC 6121 §3). */
export function subscription(to: string, type: 'subscribe' | 'subscribed' | 'unsubscribed'): Element {
  return el('presence', { xmlns: NS.client, to, type, id: newId() });
}

/** Enters a room (XEP-0045 §7.2) and asks for its last messages. */
export function joinRoom(room: string, nick: string): Element {
  const history = el('history', { maxstanzas: '30' });
  return el('presence', { xmlns: NS.client, to: `${room}/${nick}` }, el('x', { xmlns: NS.muc }, history));
}

/** Opens a room that we just created with its default settings (XEP-0045 §10.1.2); until then it is locked. */
export function openRoom(): Element {
  return el('query', { xmlns: NS.mucOwner }, el('x', { xmlns: 'jabber:x:data', type: 'submit' }));
}

/** Leaves a room (XEP-0045 §7.14). */
export function leaveRoom(room: string, nick: string): Element {
  return el('presence', { xmlns: NS.client, to: `${room}/${nick}`, type: 'unavailable' });
}

/** A request; `to` is empty for our own account. */
export function iq(type: 'get' | 'set', id: string, to: string, payload: Element): Element {
  return el('iq', { xmlns: NS.client, type, id, to }, payload);
}

/** Asks for the roster (RFC 6121 §2.1.3). */
export function rosterQuery(): Element {
  return el('query', { xmlns: NS.roster });
}

/** Adds an entry to the roster or changes its name (RFC 6121 §2.3). */
export function rosterItem(jid: string, name: string): Element {
  return el('query', { xmlns: NS.roster }, el('item', { jid, name }));
}

/** Takes an entry out of the roster, with both subscriptions (RFC 6121 §2.5). */
export function rosterRemoval(jid: string): Element {
  return el('query', { xmlns: NS.roster }, el('item', { jid, subscription: 'remove' }));
}

/** Asks whether the other side is still there (XEP-0199). */
export function ping(): Element {
  return el('ping', { xmlns: NS.ping });
}

/** Answers a request with success, and with what was asked for if there is something. */
export function iqResult(to: string, id: string, ...payload: Element[]): Element {
  return el('iq', { xmlns: NS.client, type: 'result', id, to }, ...payload);
}

/** Says what this client is and can do (XEP-0030); `node` repeats the one asked for. */
export function discoInfo(node: string, name: string, features: readonly string[]): Element {
  return el(
    'query',
    { xmlns: NS.discoInfo, node },
    el('identity', { category: 'client', type: 'web', name }),
    ...features.map((feature) => el('feature', { var: feature })),
  );
}

/** Refuses a request this client doesn't know (RFC 6120 §8.4). */
export function iqUnavailable(to: string, id: string): Element {
  const condition = el('service-unavailable', { xmlns: NS.stanzaErrors });
  return el('iq', { xmlns: NS.client, type: 'error', id, to }, el('error', { type: 'cancel' }, condition));
}
