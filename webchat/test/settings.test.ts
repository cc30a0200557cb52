/** What is made of config.json and of what was typed. */
import { afterEach, expect, test, vi } from 'vitest';
import { isPrivate } from '../src/connection.ts';
import { completeJid, defaultWebsocket, loadConfig } from '../src/settings.ts';

afterEach(() => vi.unstubAllGlobals());

const serve = (body: string, status = 200): void => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status })));
};

test('entries are taken, a path means the server of the page, and junk is as good as nothing', async () => {
  serve('{"websocket": "/xmpp-websocket", "domain": "example.org", "component": 7}');
  expect(await loadConfig()).toEqual({ websocket: `ws://${location.host}/xmpp-websocket`, domain: 'example.org', component: '' });
  for (const junk of ['null', '[]', '<html>']) {
    serve(junk);
    expect(await loadConfig()).toEqual({ websocket: '', domain: '', component: '' });
  }
  serve('gone', 404);
  expect(await loadConfig()).toEqual({ websocket: '', domain: '', component: '' });
});

test('a name alone gets the configured domain', () => {
  const config = { websocket: '', domain: 'example.org', component: '' };
  expect(completeJid(' Alice ', config)).toBe('alice@example.org');
  expect(completeJid('bob@other.org/phone', config)).toBe('bob@other.org');
  expect(completeJid('', config)).toBeNull();
  expect(completeJid('alice', { ...config, domain: '' })).toBeNull();
  expect(defaultWebsocket('bob@other.org', config)).toBe('wss://other.org/xmpp-websocket');
});

test('only TLS and this very machine count as private', () => {
  for (const url of ['wss://example.org/x', 'ws://localhost:5280/', 'ws://127.0.0.1/', 'ws://[::1]:1/']) {
    expect(isPrivate(url)).toBe(true);
  }
  for (const url of ['ws://example.org/', 'ws://localhost.evil.org/', 'ws://10.0.0.1/', 'nonsense', '']) {
    expect(isPrivate(url)).toBe(false);
  }
});
