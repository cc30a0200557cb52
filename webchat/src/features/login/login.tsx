/** The page before signing in: address, password, and if need be the server. */
import { useState } from 'preact/hooks';
import { isPrivate, type LinkError } from '../../connection.ts';
import { completeJid, defaultWebsocket, rememberedJid, type Config } from '../../settings.ts';
import { words } from '../../words.ts';
import './login.css';

interface Props {
  config: Config;
  connecting: boolean;
  error: LinkError | null;
  onSubmit: (jid: string, password: string, url: string) => void;
}

export function Login({ config, connecting, error, onSubmit }: Props) {
  const [jid, setJid] = useState(rememberedJid);
  const [password, setPassword] = useState('');
  const [server, setServer] = useState('');
  const [complaint, setComplaint] = useState('');
  const [more, setMore] = useState(false);
  const serverIsWrong = error?.kind === 'bad-server' || error?.kind === 'forbidden';
  const full = completeJid(jid, config);
  const url = server.trim() || defaultWebsocket(full ?? '', config);

  function submit(event: Event): void {
    event.preventDefault();
    if (!full) setComplaint(words.login.badJid);
    else if (!password) setComplaint(words.login.noPassword);
    else {
      setComplaint('');
      onSubmit(full, password, url);
    }
  }

  const message = complaint || (error && !connecting ? errorSentence(error) : '');
  return (
    <main class="login">
      <form onSubmit={submit} noValidate>
        <header>
          <img src="./icon.svg" alt="" width="48" height="48" />
          <h1>{words.product}</h1>
          <p>{words.tagline}</p>
        </header>
        <label>
          {words.login.jid}
          <input
            name="jid"
            type="text"
            inputMode="email"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            autofocus={!jid}
            placeholder={words.login.jidHint(config.domain)}
            value={jid}
            onInput={(event) => setJid(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.login.password}
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            autofocus={jid !== ''}
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <details open={more || serverIsWrong} onToggle={(event) => setMore(event.currentTarget.open)}>
          <summary>{words.login.server}</summary>
          <label>
            {words.login.serverLabel}
            <input
              name="server"
              type="url"
              spellcheck={false}
              placeholder={defaultWebsocket(full ?? '', config)}
              value={server}
              onInput={(event) => setServer(event.currentTarget.value)}
            />
          </label>
          <p class="hint">{words.login.serverHint}</p>
        </details>
        {url && URL.canParse(url) && !isPrivate(url) && <p class="hint">{words.login.cleartext}</p>}
        <p class="error" role="alert">
          {message}
        </p>
        <button type="submit" class="primary" disabled={connecting}>
          {connecting ? words.login.connecting : words.login.submit}
        </button>
      </form>
    </main>
  );
}

function errorSentence({ kind, detail }: LinkError): string {
  const sentence = words.login.errors[kind];
  return kind === 'refused' && detail ? `${sentence} ${words.login.serverSaid(detail)}` : sentence;
}
