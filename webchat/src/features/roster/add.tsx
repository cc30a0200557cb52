/** The dialog that adds an address by hand: a machine, a person or a room. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { parseJid } from '../../jid.ts';
import { words } from '../../words.ts';

interface Props {
  component: string;
  onClose: () => void;
  /** Resolves to false if the server didn't take it. */
  onAdd: (jid: string, name: string) => Promise<boolean>;
  onJoin: (room: string) => void;
}

export function AddDialog({ component, onClose, onAdd, onJoin }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [name, setName] = useState('');
  const [room, setRoom] = useState(false);
  const [complaint, setComplaint] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    // A bare name means a machine here.
    const text = typed.trim();
    const jid = parseJid(/[@.]/.test(text) || !component || room ? text : `${text}@${component}`);
    if (!jid || (room && !jid.local)) {
      setComplaint(words.add.badJid);
      return;
    }
    const plain = jid.local ? `${jid.local}@${jid.domain}` : jid.domain;
    if (room) {
      onJoin(plain);
      onClose();
      return;
    }
    setBusy(true);
    const taken = await onAdd(plain, name.trim());
    setBusy(false);
    if (taken) onClose();
    else setComplaint(words.add.refused);
  }

  return (
    <dialog ref={dialog} class="add" aria-labelledby="add-heading" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <h2 id="add-heading">{words.add.heading}</h2>
        <label>
          {words.add.jid}
          <input
            name="add-jid"
            type="text"
            inputMode="email"
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
            placeholder={words.add.jidHint(component)}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={room} onChange={(event) => setRoom(event.currentTarget.checked)} />
          {words.add.isRoom}
        </label>
        {!room && (
          <label>
            {words.add.name}
            <input type="text" value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
        )}
        <p class="error" role="alert">
          {complaint}
        </p>
        <div class="buttons">
          <button type="button" onClick={onClose}>
            {words.add.cancel}
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {words.add.submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}
