/** The whole page: log-in, or contacts beside a conversation. On narrow screens one of the two at a time. */
import { useState } from 'preact/hooks';
import { bare } from './jid.ts';
import { AddDialog } from './features/roster/add.tsx';
import { Chat } from './features/chat/chat.tsx';
import { Login } from './features/login/login.tsx';
import { Roster } from './features/roster/roster.tsx';
import type { Session } from './session.ts';
import type { Config } from './settings.ts';
import { words } from './words.ts';

interface Props {
  session: Session;
  config: Config;
}

export function App({ session, config }: Props) {
  const { store } = session;
  const { link } = store;
  const [adding, setAdding] = useState(false);
  if (link.state === 'signed-out' || link.state === 'connecting') {
    return (
      <Login
        config={config}
        connecting={link.state === 'connecting'}
        error={link.state === 'signed-out' ? link.error : null}
        onSubmit={(jid, password, url) => session.signIn(jid, password, url)}
      />
    );
  }

  const { component } = config;
  const online = link.state === 'online';
  const key = store.open;
  const contact = key === null ? undefined : store.contacts.get(key);
  return (
    <div class={`page ${contact ? 'in-chat' : ''} ${online ? '' : 'stale'}`}>
      {!online && (
        <p class="banner" role="status">
          {words.link.lost}
          <button type="button" onClick={() => session.retryNow()}>
            {words.link.retry}
          </button>
        </p>
      )}
      <aside>
        <header class="me">
          <img src="./icon.svg" alt="" width="28" height="28" />
          <span class="address" title={bare(store.me)}>
            {bare(store.me)}
          </span>
          <button type="button" class="quiet" onClick={() => session.signOut()}>
            {words.link.signOut}
          </button>
        </header>
        <Roster
          contacts={[...store.contacts.values()]}
          requests={[...store.requests]}
          open={key}
          component={component}
          onOpen={(opened) => session.show(opened)}
          onAdd={() => setAdding(true)}
          onAccept={(jid) => void session.accept(jid)}
          onDecline={(jid) => session.decline(jid)}
        />
      </aside>
      <main>
        {key !== null && contact ? (
          <Chat
            key={key}
            contact={contact}
            messages={store.messages(key)}
            component={component}
            online={online}
            drafts={store.drafts}
            onBack={() => session.show(null)}
            onSay={(body) => session.say(key, body)}
            onReword={(original, body) => session.reword(key, original, body)}
            onTyping={(empty) => session.typing(key, empty)}
            onRemove={() => void session.remove(key)}
            onLeave={() => session.leave(key)}
          />
        ) : (
          <div class="nobody">
            <p>{words.chat.pick}</p>
            <p class="hint">{words.chat.pickHint}</p>
          </div>
        )}
      </main>
      {adding && (
        <AddDialog
          component={component}
          onClose={() => setAdding(false)}
          onAdd={(jid, name) => session.add(jid, name)}
          onJoin={(room) => session.join(room)}
        />
      )}
    </div>
  );
}
