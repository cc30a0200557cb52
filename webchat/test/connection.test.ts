/** The link against a scripted server: log-in, its failures, hostile stanzas, loss and return. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ping } from '../src/compose.ts';
import { Connection, type LinkError } from '../src/connection.ts';
import { FakeSocket, newWorld, sentInAll, socket, STREAM, world } from './server.ts';

const seen = {
  online: [] as boolean[],
  stanzas: [] as string[],
  lost: 0,
  failed: [] as LinkError[],
};
let connection: Connection;

beforeEach(() => {
  newWorld();
  Object.assign(seen, { online: [], stanzas: [], lost: 0, failed: [] });
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.useFakeTimers();
  connection = new Connection({
    online: (_me, resumed) => seen.online.push(resumed),
    stanza: (element) => {
      if (element.localName === 'message') seen.stanzas.push(element.textContent ?? '');
    },
    lost: () => seen.lost++,
    failed: (error) => seen.failed.push(error),
  });
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Lets this much time pass. */
const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

async function signIn(password = 'wonder', url = 'wss://example.org/xmpp-websocket'): Promise<void> {
  connection.open('alice@example.org', password, url);
  await pass(2_000);
}

describe('signing in', () => {
  test('succeeds, and stanzas arrive', async () => {
    await signIn();
    expect(seen.online).toEqual([false]);
    socket().says('<message xmlns="jabber:client" from="web1@vms"><body>hello</body></message>');
    expect(seen.stanzas).toEqual(['hello']);
  });

  test('fails with the reason: wrong password, no server, no such domain, no address of a server', async () => {
    await signIn('wrong');
    world.reachable = false;
    await signIn();
    world.reachable = true;
    world.domain = 'other.org';
    await signIn();
    await signIn('wonder', 'https://example.org/');
    expect(seen.failed.map(({ kind }) => kind)).toEqual(['wrong-password', 'unreachable', 'unknown-domain', 'bad-server']);
    expect(seen.online).toEqual([]);
  });

  test('gives up on a server that never answers', async () => {
    connection.open('alice@example.org', 'wonder', 'wss://example.org/');
    socket().onopen = null;
    await pass(14_000);
    expect(seen.failed).toEqual([]);
    await pass(2_000);
    expect(seen.failed).toMatchObject([{ kind: 'unreachable' }]);
  });

  test('never sends the password readable over a link that is not private', async () => {
    await signIn('wonder', 'ws://example.org/xmpp-websocket');
    world.mechanisms = '';
    await signIn('wonder', 'ws://example.org/xmpp-websocket');
    expect(seen.failed.map(({ kind }) => kind)).toEqual(['no-safe-login', 'no-safe-login']);
    expect(sentInAll()).not.toMatch(/<auth|wonder|jabber:iq:auth/);
  });
});

describe('hostile stanzas', () => {
  test('a stream error wrapped in a message does not end the stream', async () => {
    await signIn();
    const error = `<error xmlns="${STREAM}"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></error>`;
    socket().says(`<message xmlns="jabber:client" from="mallory@example.org"><body>boo</body><x xmlns="u">${error}</x></message>`);
    expect(seen).toMatchObject({ stanzas: ['boo'], lost: 0, failed: [] });
    // A real one does.
    socket().says(`<stream:error xmlns:stream="${STREAM}"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>`);
    expect(seen.failed).toMatchObject([{ kind: 'replaced' }]);
  });

  test('an answer counts only from the address that was asked', async () => {
    await signIn();
    let answer: Element | null | undefined;
    void connection.request('get', 'web1@vms/atoll', ping()).then((element) => (answer = element));
    world.alive = false;
    await pass(0);
    const id = /id="([^"]*)"/.exec(socket().sent.findLast((frame) => frame.includes('urn:xmpp:ping')) ?? '')?.[1];
    const reply = (from: string): string => `<iq xmlns="jabber:client" type="result" id="${id}" from="${from}"/>`;
    socket().says(reply('mallory@example.org/x'), reply('web1@vms/other'));
    await pass(0);
    expect(answer).toBeUndefined();
    socket().says(reply('web1@vms/atoll'));
    await pass(0);
    expect(answer?.getAttribute('from')).toBe('web1@vms/atoll');
  });
});

describe('a lost link', () => {
  test('comes back by itself, with the same session', async () => {
    await signIn();
    socket().cut();
    expect(seen.lost).toBe(1);
    expect(connection.send(ping())).toBe(false);
    await pass(5_000);
    expect(seen.online).toEqual([false, true]);
    socket().says('<message xmlns="jabber:client" from="web1@vms"><body>missed</body></message>');
    expect(seen.stanzas).toEqual(['missed']);
  });

  test('is tried again while the server is away, and at once when asked', async () => {
    await signIn();
    world.reachable = false;
    socket().cut();
    await pass(60_000);
    const tried = world.sockets.length;
    expect(tried).toBeGreaterThan(4);
    expect(seen.failed).toEqual([]);
    world.reachable = true;
    connection.retryNow();
    await pass(2_000);
    expect(seen.online).toHaveLength(2);
    expect(world.sockets).toHaveLength(tried + 1);
  });

  test('is noticed when the server falls silent', async () => {
    await signIn();
    await pass(120_000);
    expect(seen.lost).toBe(0);
    world.alive = false;
    await pass(90_000);
    expect(seen.lost).toBeGreaterThan(0);
  });

  test('is given up when the password changed meanwhile', async () => {
    await signIn();
    world.password = 'changed';
    socket().cut();
    await pass(5_000);
    expect(seen.failed).toMatchObject([{ kind: 'wrong-password' }]);
  });

  test('does not come back after signing out', async () => {
    await signIn();
    connection.close();
    await pass(60_000);
    expect(world.sockets).toHaveLength(1);
    expect(seen).toMatchObject({ lost: 0, failed: [] });
  });
});
