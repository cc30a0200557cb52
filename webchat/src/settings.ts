/** What the page knows before anybody signs in: the server's `config.json`, and the address used last time. */
import { parseJid } from './jid.ts';

/** `config.json` next to the page, served by Atoll; every entry may be missing. */
export interface Config {
  /** WebSocket of the XMPP server; a path alone means the server of this page. */
  websocket: string;
  /** Added to a name typed without a domain. */
  domain: string;
  /** Domain of the machines. */
  component: string;
}

const JID_KEY = 'atoll.jid';
const ROOMS_KEY = 'atoll.rooms';

/** Reads `config.json`; what is missing or wrong there is empty, since everything can be typed by hand. */
export async function loadConfig(): Promise<Config> {
  const found = (await fetch(new URL('config.json', document.baseURI))
    .then((response) => (response.ok ? response.json() : {}))
    .catch(() => ({}))) as Record<string, unknown> | null;
  const entry = (key: string): string => (typeof found?.[key] === 'string' ? found[key] : '');
  return { websocket: absolute(entry('websocket')), domain: entry('domain'), component: entry('component') };
}

function absolute(url: string): string {
  if (!url.startsWith('/')) return url;
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${url}`;
}

/** The full address for what was typed, or null if it is none: "alice" gets the configured domain. */
export function completeJid(typed: string, config: Config): string | null {
  const text = typed.trim();
  const jid = parseJid(text.includes('@') || !config.domain ? text : `${text}@${config.domain}`);
  return jid?.local ? `${jid.local}@${jid.domain}` : null;
}

/** Where to connect if nothing was typed: the configured server, else the usual path on the domain of the address. */
export function defaultWebsocket(jid: string, config: Config): string {
  const domain = parseJid(jid)?.domain;
  if (config.websocket) return config.websocket;
  return domain ? `wss://${domain}/xmpp-websocket` : '';
}

// Storage may be switched off in the browser; then nothing is remembered, and nothing breaks.

function load(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function save(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Remembering is a comfort.
  }
}

/** The address that signed in last from this browser. */
export const rememberedJid = (): string => load(JID_KEY);
export const rememberJid = (jid: string): void => save(JID_KEY, jid);

/** The rooms entered by this account from this browser. */
export function rememberedRooms(jid: string): string[] {
  return load(`${ROOMS_KEY}:${jid}`).split('\n').filter(Boolean);
}
export function rememberRooms(jid: string, rooms: readonly string[]): void {
  save(`${ROOMS_KEY}:${jid}`, rooms.join('\n'));
}
