/** Starts the page and redraws it when something changed. */
import { render } from 'preact';
import { App } from './app.tsx';
import { Session } from './session.ts';
import { loadConfig } from './settings.ts';
import { Store } from './store.ts';
import { words } from './words.ts';
import './page.css';

const root = document.getElementById('app');
if (!root) throw new Error('index.html has no #app');

const config = await loadConfig();
const store = new Store();
const session = new Session(store);
/** Milliseconds between a change and the redraw that shows it. */
const SOON = 16;
let drawn = true;
let lastDrawTook = 0;

function draw(): void {
  const began = performance.now();
  drawn = true;
  const unread = store.unread();
  document.title = unread > 0 ? `(${unread}) ${words.product}` : words.product;
  render(<App session={session} config={config} />, root!);
  lastDrawTook = performance.now() - began;
}

// Many stanzas may arrive at once (a roster full of presences); one redraw serves them all, and where redrawing is
// slow (thousands of contacts) it waits longer, so that half the time is left for the person. A timer rather than an
// animation frame, because those stop in hidden pages, and the title shall count there too.
store.subscribe(() => {
  if (!drawn) return;
  drawn = false;
  setTimeout(draw, Math.max(SOON, lastDrawTook));
});
document.addEventListener('visibilitychange', () => store.setWatched(!document.hidden));
// A proper goodbye: else the server would keep this session for minutes, and answers would go into it unseen.
addEventListener('pagehide', () => session.signOut());
draw();
