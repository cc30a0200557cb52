/** Where messages are written: Enter sends, Shift+Enter breaks the line, ArrowUp corrects the last message. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Message } from '../../store.ts';
import { words } from '../../words.ts';

interface Props {
  name: string;
  /** What was typed and not sent, per conversation; outlives this view. */
  drafts: Map<string, string>;
  conversation: string;
  /** Our last message that may be corrected. */
  last: Message | undefined;
  online: boolean;
  /** Both give false if there is no link; then the text stays. */
  onSay: (body: string) => boolean;
  onReword: (original: string, body: string) => boolean;
  onTyping: (empty: boolean) => void;
}

export function Composer({ name, drafts, conversation, last, online, onSay, onReword, onTyping }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(drafts.get(conversation) ?? '');
  /** Id of the message being corrected. */
  const [editing, setEditing] = useState('');
  const [refused, setRefused] = useState(false);

  useEffect(() => {
    // On touch screens focus would open the keyboard over the conversation.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);

  function change(body: string, original: string): void {
    setText(body);
    setEditing(original);
    // A correction belongs to the view it was begun in, so it is no draft.
    if (body && !original) drafts.set(conversation, body);
    else drafts.delete(conversation);
  }

  function send(): void {
    const body = text.trim();
    if (!body) return;
    const sent = editing ? onReword(editing, body) : onSay(body);
    setRefused(!sent);
    if (sent) clear();
  }

  function clear(): void {
    change('', '');
    field.current?.focus();
  }

  function key(event: KeyboardEvent): void {
    // Enter that ends the composing of a character (Japanese, Chinese, …) is no "send".
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && text === '' && last?.ids[0]) {
      event.preventDefault();
      change(last.body, last.ids[0]);
    } else if (event.key === 'Escape' && editing) {
      clear();
      onTyping(true);
    }
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {editing && (
        <p class="editing">
          {words.chat.editing}
          <button type="button" class="quiet" onClick={clear}>
            {words.chat.stopEditing}
          </button>
        </p>
      )}
      {refused && !online && (
        <p class="error" role="alert">
          {words.chat.notSent}
        </p>
      )}
      <textarea
        ref={field}
        name="message"
        rows={Math.min(6, text.split('\n').length)}
        aria-label={words.chat.message(name)}
        placeholder={words.chat.message(name)}
        value={text}
        onKeyDown={key}
        onInput={(event) => {
          change(event.currentTarget.value, editing);
          onTyping(event.currentTarget.value.trim() === '');
        }}
      />
      <button type="submit" class="primary" disabled={text.trim() === ''}>
        {words.chat.send}
      </button>
    </form>
  );
}
