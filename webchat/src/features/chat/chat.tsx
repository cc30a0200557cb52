/** One conversation: who it is with, what was said, ready-made answers, and the composer. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { openResponses, type Contact, type Message } from '../../store.ts';
import { words } from '../../words.ts';
import { PresenceDot, presenceOf } from '../roster/presence.tsx';
import { Bubble } from './bubble.tsx';
import { Composer } from './composer.tsx';
import './chat.css';

interface Props {
  contact: Contact;
  messages: readonly Message[];
  component: string;
  online: boolean;
  drafts: Map<string, string>;
  onBack: () => void;
  onSay: (body: string) => boolean;
  onReword: (original: string, body: string) => boolean;
  onTyping: (empty: boolean) => void;
  onRemove: () => void;
  onLeave: () => void;
}

/** Pixels from the end within which the view follows new messages. */
const NEAR_END = 80;

export function Chat(props: Props) {
  const { contact, messages, component, online, drafts, onBack, onSay, onReword, onTyping, onRemove, onLeave } = props;
  const log = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const { show, machine, line } = presenceOf(contact, component);
  const quick = openResponses(messages);
  const last = messages.findLast((message) => message.mine && message.delivery !== 'failed');

  function toEnd(): void {
    const view = log.current;
    if (view) view.scrollTop = view.scrollHeight;
  }

  useLayoutEffect(() => {
    if (following) toEnd();
  }, [messages, contact.typing, quick?.key]);

  // The view shrinks when a keyboard opens; the end stays in sight.
  useEffect(() => {
    const view = log.current;
    if (!view || !following) return;
    const observer = new ResizeObserver(toEnd);
    observer.observe(view);
    return () => observer.disconnect();
  }, [following]);

  function say(body: string): boolean {
    setFollowing(true);
    return onSay(body);
  }

  /** The button goes away with the question; whoever pressed it by keyboard goes on in the composer. */
  function answer(value: string, button: HTMLElement): void {
    const composer = button.closest('.chat')?.querySelector('textarea');
    if (say(value) && button.matches(':focus-visible')) composer?.focus();
  }

  return (
    <section class="chat" aria-labelledby="chat-name">
      <header>
        <button type="button" class="back quiet" aria-label={words.chat.back} onClick={onBack}>
          ‹
        </button>
        <PresenceDot show={show} machine={machine} />
        <div class="who">
          <h2 id="chat-name">{contact.name}</h2>
          <p title={contact.jid}>
            <span aria-live="polite">{line}</span>
            <span class="jid">{contact.jid}</span>
          </p>
        </div>
        {contact.room ? (
          <button type="button" class="quiet" onClick={onLeave}>
            {words.room.leave}
          </button>
        ) : (
          contact.listed && (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                if (confirm(words.chat.removeAsk(contact.name))) onRemove();
              }}
            >
              {words.chat.remove}
            </button>
          )
        )}
      </header>
      <div
        ref={log}
        class="log"
        role="log"
        aria-label={words.chat.log(contact.name)}
        tabIndex={0}
        onScroll={({ currentTarget: view }) =>
          setFollowing(view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_END)
        }
      >
        {messages.length === 0 && <p class="hint">{words.chat.nothingYet(contact.name)}</p>}
        {messages.map((message, index) => drawMessage(message, messages[index - 1]))}
        {contact.typing && <p class="typing">{words.chat.typing(contact.name)}</p>}
      </div>
      {!following && (
        <button
          type="button"
          class="to-end"
          onClick={() => {
            toEnd();
            setFollowing(true);
          }}
        >
          ↓ {words.chat.newer}
        </button>
      )}
      {quick && (
        <div class="quick" role="group" aria-label={words.chat.quick}>
          {quick.responses.map(({ value, label }) => (
            <button type="button" key={value} onClick={(event) => answer(value, event.currentTarget)}>
              {label}
            </button>
          ))}
        </div>
      )}
      <Composer
        name={contact.name}
        drafts={drafts}
        conversation={contact.jid}
        last={last}
        online={online}
        onSay={say}
        onReword={onReword}
        onTyping={onTyping}
      />
    </section>
  );
}

function drawMessage(message: Message, before: Message | undefined) {
  const day = message.at.toDateString();
  const newDay = before?.at.toDateString() !== day;
  const sameSender = !newDay && before !== undefined && before.mine === message.mine && before.nick === message.nick;
  return (
    <div key={message.key} class={sameSender ? 'entry' : 'entry first'}>
      {newDay && <p class="day">{dayName(message.at)}</p>}
      <Bubble message={message} sender={sameSender || message.mine ? '' : message.nick} />
    </div>
  );
}

function dayName(at: Date): string {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (at.toDateString() === now.toDateString()) return words.chat.today;
  if (at.toDateString() === yesterday.toDateString()) return words.chat.yesterday;
  return at.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
}
