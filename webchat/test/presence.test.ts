/** The line under a contact's name. */
import { beforeEach, expect, test } from 'vitest';
import { presenceOf } from '../src/features/roster/presence.tsx';
import type { Show } from '../src/protocol.ts';
import { Store } from '../src/store.ts';

const COMPONENT = 'vms.example.org';
let store: Store;

beforeEach(() => {
  store = new Store();
  store.me = 'alice@example.org/page';
});

/** The line shown for this contact after it announced itself so. */
function line(jid: string, show: Show, status = ''): string {
  store.setRoster([{ jid, name: '', groups: [], subscription: 'both', asked: false }], false);
  store.presence({ kind: 'presence', from: `${jid}/a`, show, status, priority: 0, room: null });
  return presenceOf(store.contact(jid), COMPONENT).line;
}

test('machines run, pause, are off or crashed; people are available or away; the front desk is no machine', () => {
  const machine = `web1@${COMPONENT}`;
  expect((['available', 'away', 'xa', 'dnd', 'offline'] as const).map((show) => line(machine, show))).toEqual([
    'running',
    'paused',
    'off',
    'crashed',
    'not reachable',
  ]);
  expect(line('bob@example.org', 'away')).toBe('away');
  expect(line(COMPONENT, 'available')).toBe('available');
});

test('a status text is shown after the state, or alone where it says the state itself', () => {
  const machine = `web1@${COMPONENT}`;
  expect(line(machine, 'available', 'Cloning, 40 %')).toBe('running · Cloning, 40 %');
  expect(line(machine, 'available', 'Running for 3 days\nmore')).toBe('Running for 3 days');
  // dnd also stands for a host that can't be asked; then "crashed" would be a lie.
  expect(line(machine, 'dnd', "I can't reach libvirt")).toBe("I can't reach libvirt");
});

test('who is not seen has a reason', () => {
  const jid = `web2@${COMPONENT}`;
  const shown = (): string => presenceOf(store.contact(jid), COMPONENT).line;
  expect(shown()).toBe('not in your list');
  store.setRoster([{ jid, name: '', groups: [], subscription: 'none', asked: true }], false);
  expect(shown()).toBe('waiting for an answer');
  store.refused(jid);
  expect(shown()).toBe('does not show itself to you');
  store.presenceError({ kind: 'presence-error', from: jid, condition: 'remote-server-not-found', text: '' });
  expect(shown()).toBe('cannot be reached: remote-server-not-found');
});
