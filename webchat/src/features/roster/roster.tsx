/** The list of contacts: grouped, searchable, with live presence and what is unread. */
import { Component } from 'preact';
import { useState } from 'preact/hooks';
import { parseJid } from '../../jid.ts';
import type { Contact } from '../../store.ts';
import { words } from '../../words.ts';
import { isMachine, PresenceDot, presenceOf } from './presence.tsx';
import './roster.css';

interface Props {
  contacts: readonly Contact[];
  requests: readonly string[];
  open: string | null;
  component: string;
  onOpen: (key: string) => void;
  onAdd: () => void;
  onAccept: (jid: string) => void;
  onDecline: (jid: string) => void;
}

export function Roster({ contacts, requests, open, component, onOpen, onAdd, onAccept, onDecline }: Props) {
  const [search, setSearch] = useState('');
  const groups = groupsOf(contacts.filter(matching(search, component)), component);
  return (
    <nav class="roster" aria-label={words.roster.heading} onKeyDown={moveByArrows}>
      <div class="tools">
        <input
          type="search"
          aria-label={words.roster.search}
          placeholder={words.roster.search}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <button type="button" onClick={onAdd}>
          {words.roster.add}
        </button>
      </div>
      <Requests requests={requests} component={component} onAccept={onAccept} onDecline={onDecline} />
      <div class="groups">
        {groups.map(([name, members]) => (
          <section key={name} aria-label={name}>
            <h2>
              {name} <span class="count">{members.length}</span>
            </h2>
            <ul>
              {members.map((contact) => (
                <Row
                  key={contact.jid}
                  contact={contact}
                  current={contact.jid === open}
                  component={component}
                  onOpen={onOpen}
                />
              ))}
            </ul>
          </section>
        ))}
        {groups.length === 0 && <p class="hint">{contacts.length > 0 ? words.roster.nothingFound : words.roster.empty}</p>}
      </div>
    </nav>
  );
}

/** ArrowDown and ArrowUp go through the contacts, from the search field too. */
function moveByArrows(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('.contact')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  if (at < 0 && (event.key === 'ArrowUp' || document.activeElement?.localName !== 'input')) return;
  event.preventDefault();
  rows[event.key === 'ArrowDown' ? at + 1 : at - 1]?.focus();
}

type RequestsProps = Pick<Props, 'requests' | 'component' | 'onAccept' | 'onDecline'>;

/** The most requests that are shown one by one. */
const SHOWN_REQUESTS = 3;

/** Who wants to be in the list. Machines that came together, because somebody asked for many, are taken together. */
function Requests({ requests, component, onAccept, onDecline }: RequestsProps) {
  const machines = requests.filter((jid) => isMachine(jid, component));
  return (
    <div role="status">
      {requests.slice(0, SHOWN_REQUESTS).map((jid) => (
        <div class="request" key={jid}>
          <p>{words.roster.request(jid)}</p>
          <button type="button" class="primary" onClick={() => onAccept(jid)}>
            {words.roster.accept}
          </button>
          <button type="button" onClick={() => onDecline(jid)}>
            {words.roster.decline}
          </button>
        </div>
      ))}
      {(machines.length > 1 || requests.length > SHOWN_REQUESTS) && (
        <div class="request">
          {requests.length > SHOWN_REQUESTS && <p>{words.roster.moreRequests(requests.length - SHOWN_REQUESTS)}</p>}
          {machines.length > 1 && (
            <button type="button" onClick={() => machines.forEach(onAccept)}>
              {words.roster.acceptAll(machines.length)}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

interface RowProps {
  contact: Contact;
  current: boolean;
  component: string;
  onOpen: (key: string) => void;
}

/** One contact. Redrawn only when it changed, since a fleet may have thousands. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return next.contact !== this.props.contact || next.current !== this.props.current;
  }

  override render({ contact, current, component, onOpen }: RowProps) {
    const { show, machine, line } = presenceOf(contact, component);
    return (
      <li>
        <button type="button" class="contact" aria-current={current} title={contact.jid} onClick={() => onOpen(contact.jid)}>
          <PresenceDot show={show} machine={machine} />
          <span class="name">{contact.name}</span>
          <span class="status">{contact.typing ? words.roster.typing : line}</span>
          {contact.unread > 0 && (
            <span class="unread" aria-label={words.roster.unread(contact.unread)}>
              {contact.unread}
            </span>
          )}
        </button>
      </li>
    );
  }
}

/** Every word typed must occur in name, address or state, so that "off" or "paused" finds machines too. */
function matching(search: string, component: string): (contact: Contact) => boolean {
  const parts = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (parts.length === 0) return () => true;
  return (contact) => {
    const text = `${contact.name} ${contact.jid} ${presenceOf(contact, component).line}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  };
}

/** Groups of the roster in alphabetical order, then those made up here. A contact is shown in its first group only. */
function groupsOf(contacts: readonly Contact[], component: string): [string, Contact[]][] {
  const { rooms, machines, people, others } = words.roster;
  const rank = [rooms, machines, people, others] as readonly string[];
  const groups = new Map<string, Contact[]>();
  for (const contact of contacts) {
    const own = contact.groups.toSorted()[0];
    const name = contact.room
      ? rooms
      : !contact.listed
        ? others
        : (own ?? (isMachine(contact.jid, component) ? machines : people));
    const members = groups.get(name);
    if (members) members.push(contact);
    else groups.set(name, [contact]);
  }
  for (const members of groups.values()) members.sort(byName);
  return [...groups].sort(([a], [b]) => rank.indexOf(a) - rank.indexOf(b) || collator.compare(a, b));
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** The front desk first, then by name, numbers in their order (web2 before web10). */
function byName(a: Contact, b: Contact): number {
  const desk = (contact: Contact): number => (parseJid(contact.jid)?.local ? 1 : 0);
  return desk(a) - desk(b) || collator.compare(a.name, b.name);
}
