/** What the page knows after what arrived. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { MessageIn, PresenceIn, RosterItem } from '../src/protocol.ts';
import { best, HISTORY, openResponses, Store } from '../src/store.ts';

const ME = 'alice@example.org/page';
const WEB1 = 'web1@vms';
const NOW = new Date('2026-01-02T03:04:05Z');

let store: Store;

function item(jid: string, changes: Partial<RosterItem> = {}): RosterItem {
  return { jid, name: '', groups: [], subscription: 'both', asked: false, ...changes };
}

function hears(changes: Partial<MessageIn>): boolean {
  const plain: MessageIn = {
    kind: 'message',
    from: `${WEB1}/atoll`,
    type: 'chat',
    id: '',
    body: '',
    subject: null,
    sentAt: null,
    state: null,
    replaces: '',
    wantsReceipt: false,
    received: '',
    displayed: '',
    responses: [],
    styled: true,
  };
  return store.message({ ...plain, ...changes }, NOW);
}

function sees(changes: Partial<PresenceIn>): void {
  store.presence({ kind: 'presence', from: `${WEB1}/atoll`, show: 'available', status: '', priority: 0, room: null, ...changes });
}

const bodies = (key = WEB1): string[] => store.messages(key).map((message) => message.body);

beforeEach(() => {
  store = new Store();
  store.me = ME;
  store.setRoster([item(WEB1)], true);
});

describe('corrections', () => {
  test('a progress message is edited in place, also when each correction names the one before', () => {
    hears({ id: 'p1', body: '10 %' });
    hears({ id: 'p2', body: '50 %', replaces: 'p1' });
    hears({ id: 'p3', body: '90 %', replaces: 'p2' });
    hears({ id: 'p4', body: 'Done' });
    expect(bodies()).toEqual(['90 %', 'Done']);
    expect(store.messages(WEB1)[0]).toMatchObject({ edited: true });
  });

  test('nobody corrects what somebody else said', () => {
    hears({ id: 'p1', body: 'Reboot?' });
    hears({ from: 'mallory@example.org/x', id: 'e1', body: 'Go ahead', replaces: 'p1' });
    store.said(WEB1, 'mine', 'no', NOW);
    hears({ id: 'e2', body: 'yes', replaces: 'mine' });
    expect(bodies()).toEqual(['Reboot?', 'no', 'yes']);
    expect(bodies('mallory@example.org')).toEqual(['Go ahead']);
  });

  test('in a room only the same occupant corrects', () => {
    store.addRoom('ops@muc', 'alice');
    const room = { type: 'groupchat', sentAt: null } as const;
    hears({ ...room, from: 'ops@muc/web1', id: 'r1', body: 'up' });
    hears({ ...room, from: 'ops@muc/mallory', id: 'r2', body: 'down', replaces: 'r1' });
    hears({ ...room, from: 'ops@muc/web1', id: 'r3', body: 'up again', replaces: 'r1' });
    expect(bodies('ops@muc')).toEqual(['up again', 'down']);
  });

  test('our own last message is reworded, and a second time', () => {
    store.said(WEB1, 'a', 'stauts', NOW);
    expect(store.reworded(WEB1, 'a', 'b', 'status')).toBe(true);
    expect(store.reworded(WEB1, 'a', 'c', 'status disks')).toBe(true);
    expect(bodies()).toEqual(['status disks']);
    expect(store.reworded(WEB1, 'gone', 'd', 'x')).toBe(false);
  });
});

describe('conversations', () => {
  test('messages count as unread unless their conversation is in view', () => {
    hears({ body: 'one' });
    hears({ body: 'two' });
    expect(store.unread()).toBe(2);
    store.setOpen(WEB1);
    expect(store.unread()).toBe(0);
    hears({ body: 'three' });
    expect(store.unread()).toBe(0);
    store.setWatched(false);
    hears({ body: 'four' });
    expect(store.unread()).toBe(1);
    store.setWatched(true);
    expect(store.unread()).toBe(0);
  });

  test('ready-made answers stay until we say something, and a correction brings its own', () => {
    const yes = { value: 'yes', label: 'Yes' };
    hears({ id: 'q', body: 'Go?', responses: [yes] });
    hears({ body: 'By the way, web2 is off.' });
    expect(openResponses(store.messages(WEB1))?.responses).toEqual([yes]);
    hears({ id: 'q2', body: 'Too late.', replaces: 'q' });
    expect(openResponses(store.messages(WEB1))).toBeNull();
    hears({ body: 'Go?', responses: [yes] });
    store.said(WEB1, 's', 'maybe', NOW);
    expect(openResponses(store.messages(WEB1))).toBeNull();
  });

  test('receipts and read markers tick our message, errors mark it, and only of the one we wrote to', () => {
    store.said(WEB1, 's1', 'status', NOW);
    const delivery = (): string | undefined => store.messages(WEB1)[0]?.delivery;
    hears({ from: 'mallory@example.org/x', received: 's1' });
    expect(delivery()).toBe('sent');
    hears({ received: 's1' });
    expect(delivery()).toBe('received');
    hears({ displayed: 's1' });
    hears({ received: 's1' });
    expect(delivery()).toBe('displayed');
    store.failed({ kind: 'message-error', from: WEB1, id: 's1', condition: 'remote-server-timeout', text: '' });
    expect(store.messages(WEB1)[0]).toMatchObject({ delivery: 'failed', problem: 'remote-server-timeout' });
  });

  test('"is typing" ends with a message, by itself, and when the contact goes', () => {
    const typing = (): boolean => store.contact(WEB1).typing;
    sees({});
    hears({ state: 'composing' });
    expect(typing()).toBe(true);
    hears({ body: 'done', state: 'active' });
    expect(typing()).toBe(false);
    hears({ state: 'composing' });
    store.stoppedTyping(WEB1);
    expect(typing()).toBe(false);
    hears({ state: 'composing' });
    sees({ show: 'offline' });
    expect(typing()).toBe(false);
  });

  test('copies in our own name and rooms we never entered say nothing', () => {
    expect(hears({ from: 'alice@example.org/phone', body: 'forged' })).toBe(false);
    expect(hears({ from: 'trap@muc/x', type: 'groupchat', body: 'forged' })).toBe(false);
    hears({ from: 'stranger@example.org/x', state: 'composing' });
    expect([...store.contacts.keys()]).toEqual([WEB1]);
  });

  test('a private message from a room is that occupant, not the room', () => {
    store.addRoom('ops@muc', 'alice');
    hears({ from: 'ops@muc/bob', body: 'psst' });
    expect(bodies('ops@muc')).toEqual([]);
    expect(bodies('ops@muc/bob')).toEqual(['psst']);
  });

  test('a long conversation keeps its newest messages', () => {
    for (let i = 0; i <= HISTORY; i++) hears({ body: `line ${i}` });
    expect(bodies()).toHaveLength(HISTORY);
    expect(bodies().at(-1)).toBe(`line ${HISTORY}`);
  });
});

describe('contacts', () => {
  test('the resource with the highest priority counts; unavailable from the bare address ends all', () => {
    sees({ show: 'away', priority: 1 });
    sees({ from: `${WEB1}/b`, show: 'available', status: 'Running', priority: 5 });
    expect(best(store.contact(WEB1))).toMatchObject({ show: 'available', status: 'Running' });
    sees({ from: `${WEB1}/b`, show: 'offline' });
    expect(best(store.contact(WEB1)).show).toBe('away');
    sees({ from: WEB1, show: 'offline' });
    expect(best(store.contact(WEB1)).show).toBe('offline');
  });

  test('presence of people who are no contacts is not kept', () => {
    sees({ from: 'stranger@example.org/x' });
    expect(store.contacts.has('stranger@example.org')).toBe(false);
  });

  test('a removed contact goes, unless something was said; a full roster removes what it lacks', () => {
    store.setRoster([item('web2@vms')], false);
    hears({ body: 'hello' });
    store.setRoster([item(WEB1, { subscription: 'remove' }), item('web2@vms', { subscription: 'remove' })], false);
    expect(store.contacts.has('web2@vms')).toBe(false);
    expect(store.contact(WEB1)).toMatchObject({ listed: false });
    store.setRoster([item('web2@vms'), item('web3@vms')], true);
    store.setRoster([item('web3@vms')], true);
    expect(store.contacts.has('web2@vms')).toBe(false);
  });

  test('a new session forgets who was there, the next person finds nothing', () => {
    sees({});
    hears({ body: 'secret' });
    store.forgetPresence();
    expect(best(store.contact(WEB1)).show).toBe('offline');
    expect(bodies()).toEqual(['secret']);
    store.clear();
    expect(bodies()).toEqual([]);
    expect(store.contacts.size).toBe(0);
  });

  test('a room is entered, renamed by the server, left, and its echo is ours', () => {
    store.addRoom('ops@muc', 'alice');
    sees({ from: 'ops@muc/bob', room: { self: false, created: false } });
    sees({ from: 'ops@muc/alice2', room: { self: true, created: false } });
    expect(store.contact('ops@muc').room).toMatchObject({ joined: true, nick: 'alice2' });
    expect(store.contact('ops@muc').room?.occupants.size).toBe(2);
    store.said('ops@muc', 'h1', 'hi', NOW);
    const echo = { from: 'ops@muc/alice2', type: 'groupchat' } as const;
    hears({ ...echo, id: 'h1', body: 'hi' });
    store.reworded('ops@muc', 'h1', 'h2', 'hi all');
    hears({ ...echo, id: 'h2', body: 'hi all', replaces: 'h1' });
    hears({ ...echo, id: 'h3', body: 'from my phone' });
    expect(bodies('ops@muc')).toEqual(['hi all', 'from my phone']);
    expect(store.messages('ops@muc')).toMatchObject([{ mine: true, delivery: 'received' }, { mine: true }]);
    expect(store.unread()).toBe(0);
    sees({ from: 'ops@muc/alice2', show: 'offline', room: { self: true, created: false } });
    expect(store.contact('ops@muc').room?.joined).toBe(false);
  });
});
