/** A scripted XMPP server behind a stand-in for the browser's WebSocket, for tests of the link and the session. */

export const ME = 'alice@example.org/page';
export const STREAM = 'http://etherx.jabber.org/streams';

/** What the scripted servers of a test share. */
interface World {
  sockets: FakeSocket[];
  mechanisms: string;
  password: string;
  domain: string;
  reachable: boolean;
  /** Answers pings. */
  alive: boolean;
  /** Roster entries as XML. */
  roster: string;
  /** Stanzas received since stream management began (XEP-0198), over all connections. */
  handled: number;
}

export let world: World;

/** Begins anew: one account, reachable, nobody connected. */
export function newWorld(): World {
  world = {
    sockets: [],
    mechanisms: '<mechanism>PLAIN</mechanism>',
    password: 'wonder',
    domain: 'example.org',
    reachable: true,
    alive: true,
    roster: '',
    handled: Number.NaN,
  };
  return world;
}

/** The newest connection. */
export const socket = (): FakeSocket => world.sockets.at(-1)!;

/** All that any connection of this test sent. */
export const sentInAll = (): string => world.sockets.flatMap(({ sent }) => sent).join('\n');

/** A WebSocket with an XMPP server at its other end that knows one account and resumes its session. */
export class FakeSocket {
  static readonly CLOSED = 3;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readyState = 0;
  readonly sent: string[] = [];
  #authenticated = false;

  constructor(readonly url: string) {
    world.sockets.push(this);
    setTimeout(() => {
      if (!world.reachable) {
        this.onerror?.({});
        return;
      }
      this.readyState = 1;
      this.onopen?.();
    });
  }

  close(): void {
    this.readyState = FakeSocket.CLOSED;
  }

  /** The server, or the wire, breaks off. */
  cut(): void {
    this.close();
    this.onclose?.({ code: 1006 });
  }

  /** The server says something. */
  says(...frames: string[]): void {
    for (const data of frames) this.onmessage?.({ data });
  }

  send(frame: string): void {
    this.sent.push(frame);
    queueMicrotask(() => this.#answer(frame));
  }

  #answer(frame: string): void {
    if (/^<(iq|message|presence)/.test(frame)) world.handled++;
    const id = /\bid=['"]([^'"]*)/.exec(frame)?.[1] ?? '';
    if (frame.startsWith('<open') && !frame.includes(`to="${world.domain}"`)) {
      const unknown = '<host-unknown xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>';
      this.says(
        '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0"/>',
        `<stream:error xmlns:stream="${STREAM}">${unknown}</stream:error>`,
      );
    } else if (frame.startsWith('<open')) {
      const features = this.#authenticated
        ? '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><sm xmlns="urn:xmpp:sm:3"/>'
        : `<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl">${world.mechanisms}</mechanisms>`;
      this.says(
        '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" from="example.org"/>',
        `<stream:features xmlns:stream="${STREAM}" xmlns="jabber:client">${features}</stream:features>`,
      );
    } else if (frame.startsWith('<auth')) {
      this.#authenticated = atob(/>([^<]*)</.exec(frame)?.[1] ?? '').endsWith(`\0${world.password}`);
      this.says(
        this.#authenticated
          ? '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>'
          : '<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/></failure>',
      );
    } else if (frame.includes('xmpp-bind')) {
      this.says(
        `<iq xmlns="jabber:client" type="result" id="${id}"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>${ME}</jid></bind></iq>`,
      );
    } else if (frame.includes('jabber:iq:roster') && frame.includes('type="get"')) {
      this.says(
        `<iq xmlns="jabber:client" type="result" id="${id}"><query xmlns="jabber:iq:roster">${world.roster}</query></iq>`,
      );
    } else if (frame.startsWith('<enable')) {
      world.handled = 0;
      this.says('<enabled xmlns="urn:xmpp:sm:3" id="sm1" resume="true"/>');
    } else if (frame.startsWith('<resume')) {
      this.says(`<resumed xmlns="urn:xmpp:sm:3" previd="sm1" h="${world.handled}"/>`);
    } else if (frame.includes('urn:xmpp:ping') && world.alive) {
      this.says(`<iq xmlns="jabber:client" type="result" id="${id}" from="example.org"/>`);
    }
  }
}
