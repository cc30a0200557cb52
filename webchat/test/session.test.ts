/** What the session does by itself with what arrives, and what the person's actions send. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Session } from '../src/session.ts';
import { best, Store } from '../src/store.ts';
import { FakeSocket, newWorld, socket, world } from './server.ts';

const WEB1 = 'web1@vms.example.org';
const item = (jid: string, attributes: string): string => `<item jid="${jid}" ${attributes}/>`;

let store: Store;
let session: Session;

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

/** Gives what was sent while `act` ran. */
async function sentBy(act: () => unknown): Promise<string> {
  const before = socket().sent.length;
  await act();
  await pass(500);
  return socket().sent.slice(before).join('\n');
}

const arrives = (xml: string): Promise<string> => sentBy(() => socket().says(xml));
const message = (from: string, inner: string): string =>
  `<message xmlns="jabber:client" from="${from}" type="chat" id="m1">${inner}</message>`;

beforeEach(async () => {
  newWorld().roster = item(WEB1, 'subscription="both"');
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.useFakeTimers();
  localStorage.clear();
  store = new Store();
  session = new Session(store);
  session.signIn('alice@example.org', 'wonder', 'wss://example.org/');
  await pass(2_000);
});

afterEach(() => {
  session.signOut();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('signing in shows the roster and says that we are here; signing out leaves nothing behind', () => {
  expect(store.link.state).toBe('online');
  expect([...store.contacts.keys()]).toEqual([WEB1]);
  expect(socket().sent.join()).toMatch(/<presence xmlns="jabber:client"><c [^>]*node="urn:atoll:webchat"/);
  const stored = JSON.stringify({ ...localStorage, ...sessionStorage });
  expect(stored).toContain('alice@example.org');
  expect(stored).not.toContain('wonder');
  session.signOut();
  expect(store.link).toEqual({ state: 'signed-out', error: null });
  expect(store.contacts.size).toBe(0);
});

test('what was known stays known over a short loss, and nothing is sent into the void', async () => {
  await arrives(`<presence xmlns="jabber:client" from="${WEB1}/a"/>`);
  socket().cut();
  expect(store.link.state).toBe('reconnecting');
  expect(session.say(WEB1, 'lost words')).toBe(false);
  expect(store.messages(WEB1)).toEqual([]);
  await pass(5_000);
  expect(store.link.state).toBe('online');
  expect(best(store.contact(WEB1)).show).toBe('available');
  expect(socket().sent.join()).not.toContain('jabber:iq:roster');
});

test('receipts go to contacts only', async () => {
  const asked = '<body>hi</body><request xmlns="urn:xmpp:receipts"/>';
  expect(await arrives(message(`${WEB1}/a`, asked))).toMatch(/<received[^>]* id="m1"/);
  expect(await arrives(message('stranger@example.org/x', asked))).not.toContain('received');
});

describe('subscriptions', () => {
  const subscribe = (from: string): string => `<presence xmlns="jabber:client" from="${from}" type="subscribe"/>`;

  test('who we see may see us; others are put to the person', async () => {
    expect(await arrives(subscribe(WEB1))).toContain('type="subscribed"');
    expect(await arrives(subscribe('web2@vms.example.org'))).not.toContain('<presence');
    expect([...store.requests]).toEqual(['web2@vms.example.org']);
    const accepted = await sentBy(() => void session.accept('web2@vms.example.org'));
    expect(accepted).toContain('type="subscribed"');
    expect(accepted).toContain('<item jid="web2@vms.example.org"');
    expect(store.requests.size).toBe(0);
  });

  test('a forged roster push adds nobody', async () => {
    const push = (from: string): string =>
      `<iq xmlns="jabber:client" type="set" id="p1" from="${from}"><query xmlns="jabber:iq:roster">${item('evil@example.org', 'subscription="both"')}</query></iq>`;
    expect(await arrives(push('mallory@example.org'))).toContain('service-unavailable');
    expect(store.contacts.has('evil@example.org')).toBe(false);
    expect(await arrives(push('alice@example.org'))).toContain('type="result"');
    expect(store.contacts.has('evil@example.org')).toBe(true);
  });
});

test('we say that we are typing once, that we paused, and nothing to strangers', async () => {
  expect(await sentBy(() => session.typing(WEB1, false))).toContain('<composing');
  expect(await sentBy(() => session.typing(WEB1, false))).toBe('');
  expect(await sentBy(() => pass(6_000))).toContain('<paused');
  expect(await sentBy(() => session.typing('stranger@example.org', false))).toBe('');
});

test('others are told what this client can do', async () => {
  const query = '<query xmlns="http://jabber.org/protocol/disco#info" node="n"/>';
  const answer = await arrives(`<iq xmlns="jabber:client" type="get" id="d1" from="${WEB1}/a">${query}</iq>`);
  expect(answer).toContain('<feature var="urn:xmpp:tmp:quick-response"');
  expect(answer).toContain('node="n"');
});

describe('rooms', () => {
  const presence = (nick: string, code: number): string =>
    `<presence xmlns="jabber:client" from="ops@rooms/${nick}"><x xmlns="http://jabber.org/protocol/muc#user"><status code="${code}"/><status code="110"/></x></presence>`;

  test('are entered, opened if new, and entered again next time', async () => {
    expect(await sentBy(() => session.join('ops@rooms'))).toContain('to="ops@rooms/alice"');
    expect(await arrives(presence('alice', 201))).toContain('muc#owner');
    expect(store.contact('ops@rooms').room?.joined).toBe(true);
    session.signOut();
    session.signIn('alice@example.org', 'wonder', 'wss://example.org/');
    await pass(2_000);
    expect(socket().sent.join()).toContain('to="ops@rooms/alice"');
  });

  test('a taken nick gets a tail', async () => {
    await sentBy(() => session.join('ops@rooms'));
    const conflict = `<presence xmlns="jabber:client" from="ops@rooms/alice" type="error"><error type="cancel"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></presence>`;
    expect(await arrives(conflict)).toContain('to="ops@rooms/alice_"');
  });
});

test('the server is not asked for carbons', () => {
  expect(world.sockets.flatMap(({ sent }) => sent).join()).not.toContain('urn:xmpp:carbons');
});
