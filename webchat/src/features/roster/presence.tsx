/** How availability is shown: a word, a colour and a shape, so that no single one is needed. */
import { domain } from '../../jid.ts';
import type { Show } from '../../protocol.ts';
import { best, type Contact } from '../../store.ts';
import { words } from '../../words.ts';

/** True if the address belongs to Atoll: a machine, a host or the front desk. */
export function isMachine(jid: string, component: string): boolean {
  return component !== '' && domain(jid) === component;
}

export interface PresenceView {
  show: Show;
  /** Hosts and machines run and pause; people, rooms and the front desk are there or not. */
  machine: boolean;
  /** The state in one word. */
  word: string;
  /** The line under the name. */
  line: string;
}

/** What to show of a contact. A status text that already says the state stands alone. */
export function presenceOf(contact: Contact, component: string): PresenceView {
  if (contact.room) {
    const { joined, occupants } = contact.room;
    const waiting = contact.problem ? words.room.failed(contact.problem) : words.room.joining;
    const line = joined ? words.room.occupants(occupants.size) : waiting;
    return { show: joined ? 'available' : 'offline', machine: false, word: line, line };
  }
  const { show, status } = best(contact);
  // The front desk has no local part.
  const machine = isMachine(contact.jid, component) && contact.jid.includes('@');
  const word = words.presence[machine ? 'machine' : 'person'][show];
  if (show === 'offline' && !status) {
    const line = reasonUnseen(contact) || word;
    return { show, machine, word: line, line };
  }
  const first = status.split('\n')[0] ?? '';
  // dnd means crashed, or that the host can't be asked; a machine that says in its own words which is believed.
  const alone = first !== '' && ((machine && show === 'dnd') || first.toLowerCase().startsWith(word.toLowerCase()));
  return { show, machine, word, line: alone ? first : [word, first].filter(Boolean).join(' · ') };
}

function reasonUnseen({ listed, subscription, asked, problem }: Contact): string {
  if (!listed) return words.presence.notListed;
  if (problem === 'unsubscribed') return words.presence.refused;
  if (problem) return words.presence.failed(problem);
  if (subscription === 'to' || subscription === 'both') return '';
  return asked ? words.presence.waiting : words.presence.refused;
}

/** The sign of a state. Hidden from screen readers, which get the word beside it. */
export function PresenceDot({ show, machine }: { show: Show; machine: boolean }) {
  const there = show === 'available' || show === 'chat';
  return (
    <svg class={`dot dot-${show}`} viewBox="0 0 16 16" aria-hidden="true">
      {there && !machine ? <circle cx="8" cy="8" r="6" /> : SHAPES[show]}
    </svg>
  );
}

const running = (
  <>
    <circle cx="8" cy="8" r="7" />
    <path class="mark" d="M6.4 4.9v6.2L11.2 8z" />
  </>
);

const SHAPES = {
  available: running,
  chat: running,
  away: (
    <>
      <circle cx="8" cy="8" r="7" />
      <path class="mark" d="M5.4 5h1.9v6H5.4zM8.7 5h1.9v6H8.7z" />
    </>
  ),
  xa: <circle class="ring" cx="8" cy="8" r="5.6" />,
  dnd: (
    <>
      <path d="M8 .9 15.6 14.6H.4z" />
      <path class="mark" d="M7.1 5.6h1.8v4.6H7.1zM7.1 11.2h1.8V13H7.1z" />
    </>
  ),
  offline: <circle class="ring dashed" cx="8" cy="8" r="5.6" />,
} as const;
