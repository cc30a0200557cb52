/** What is read out of stanzas, and what is not; and that what we write says it. */
import { describe, expect, test } from 'vitest';
import * as compose from '../src/compose.ts';
import { bare, parseJid, shortName } from '../src/jid.ts';
import { child, NS, read, readRoster, rosterPushIsOurs, type Incoming } from '../src/protocol.ts';

function parse(xml: string): Element {
  const root = new DOMParser().parseFromString(xml, 'text/xml').documentElement;
  if (root.querySelector('parsererror') || root.localName === 'parsererror') throw new Error(`not XML: ${xml}`);
  return root;
}

/** Reads a message with these children. */
function message(inner: string, attributes = `from="web1@vms/atoll" type="chat" id="m1"`): Incoming | null {
  return read(parse(`<message xmlns="jabber:client" ${attributes}>${inner}</message>`));
}

/** What the other side would parse of what we wrote. */
const sent = (element: Element): Element => parse(new XMLSerializer().serializeToString(element));

describe('messages', () => {
  test('body, chat state, receipt request, correction, delay and styling hint are read', () => {
    const event = message(`<body>Taking a snapshot, 50 %</body>
      <active xmlns="${NS.chatStates}"/><request xmlns="${NS.receipts}"/><replace xmlns="${NS.correct}" id="m0"/>
      <delay xmlns="${NS.delay}" stamp="2026-01-02T03:04:05Z"/><unstyled xmlns="${NS.styling}"/>`);
    expect(event).toMatchObject({
      kind: 'message',
      from: 'web1@vms/atoll',
      body: 'Taking a snapshot, 50 %',
      state: 'active',
      wantsReceipt: true,
      replaces: 'm0',
      sentAt: new Date('2026-01-02T03:04:05Z'),
      styled: false,
    });
  });

  test('quick responses keep their order; empty and repeated values are dropped, a missing label is the value', () => {
    const response = (attributes: string): string => `<response xmlns="${NS.quickResponse}" ${attributes}/>`;
    const event = message(
      `<body>Go?</body>${response('value="yes" label="Yes, do it"')}${response('value="no"')}` +
        `${response('value="yes" label="again"')}${response('label="nothing to send"')}` +
        `<response xmlns="urn:other" value="not one"/>`,
    );
    expect(event).toMatchObject({
      responses: [
        { value: 'yes', label: 'Yes, do it' },
        { value: 'no', label: 'no' },
      ],
    });
  });

  test('carbons and archive results are ignored whoever sends them, even with a body of their own', () => {
    const forwarded = `<forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="boss@example.org/x"
      to="alice@example.org" type="chat"><body>destroy it</body></message></forwarded>`;
    for (const from of ['mallory@example.org/x', 'alice@example.org']) {
      const attributes = `from="${from}" type="chat"`;
      expect(message(`<received xmlns="${NS.carbons}">${forwarded}</received>`, attributes)).toBeNull();
      expect(message(`<body>x</body><sent xmlns="${NS.carbons}">${forwarded}</sent>`, attributes)).toBeNull();
      expect(message(`<result xmlns="${NS.mam}">${forwarded}</result>`, attributes)).toBeNull();
    }
  });

  test('a forwarded message is not taken for the message itself', () => {
    const event = message(`<forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="boss@example.org">
      <body>destroy it</body></message></forwarded>`);
    expect(event).toMatchObject({ from: 'web1@vms/atoll', body: '' });
  });

  test('headlines are ignored, errors tell which message failed and why', () => {
    expect(message('<body>news</body>', 'from="web1@vms" type="headline"')).toBeNull();
    expect(
      message(
        `<body>hi</body><error type="wait"><remote-server-timeout xmlns="${NS.stanzaErrors}"/>
         <text xmlns="${NS.stanzaErrors}">Nobody home</text></error>`,
        'from="web1@vms" type="error" id="m9"',
      ),
    ).toEqual({ kind: 'message-error', from: 'web1@vms', id: 'm9', condition: 'remote-server-timeout', text: 'Nobody home' });
  });
});

describe('presence and roster', () => {
  const presence = (attributes: string, inner = ''): Incoming | null =>
    read(parse(`<presence xmlns="jabber:client" from="web1@vms/atoll" ${attributes}>${inner}</presence>`));

  test('availability is read; nonsense counts as plainly available', () => {
    expect(presence('', '<show>xa</show><status>Off</status><priority>5</priority>')).toMatchObject({
      show: 'xa',
      status: 'Off',
      priority: 5,
    });
    expect(presence('', '<show>bogus</show><priority>high</priority>')).toMatchObject({ show: 'available', priority: 0 });
    expect(presence('type="unavailable"')).toMatchObject({ show: 'offline' });
    expect(presence('type="subscribe"')).toMatchObject({ kind: 'subscription', type: 'subscribe' });
    expect(presence('type="bogus"')).toBeNull();
  });

  test('a room tells our own presence by status 110, and by 201 that we created it', () => {
    const status = (code: number): string => `<x xmlns="${NS.mucUser}"><status code="${code}"/></x>`;
    expect(presence('', status(110))).toMatchObject({ room: { self: true, created: false } });
    expect(presence('', status(201))).toMatchObject({ room: { self: false, created: true } });
    expect(presence('', status(100))).toMatchObject({ room: { self: false } });
  });

  test('roster entries are read, and pushes of others are not ours', () => {
    const query = parse(`<query xmlns="${NS.roster}"><item jid="Web1@VMS" name="Shop" subscription="both">
      <group>Prod</group></item><item jid="new@vms" ask="subscribe"/></query>`);
    expect(readRoster(query)).toEqual([
      { jid: 'web1@vms', name: 'Shop', groups: ['Prod'], subscription: 'both', asked: false },
      { jid: 'new@vms', name: '', groups: [], subscription: 'none', asked: true },
    ]);
    expect(rosterPushIsOurs('', 'alice@example.org/x')).toBe(true);
    expect(rosterPushIsOurs('alice@example.org', 'alice@example.org/x')).toBe(true);
    expect(rosterPushIsOurs('mallory@example.org', 'alice@example.org/x')).toBe(false);
    expect(rosterPushIsOurs('alice@example.org.evil', 'alice@example.org/x')).toBe(false);
  });
});

describe('addresses', () => {
  test('are compared in lower case, shown without XEP-0106 escapes, and refused when they are none', () => {
    expect(bare('Web1@VMS.Example.org/Atoll')).toBe('web1@vms.example.org');
    expect(bare('vms.example.org')).toBe('vms.example.org');
    expect(shortName('my\\20vm@vms')).toBe('my vm');
    for (const wrong of ['', '@vms', 'a b@vms', 'a@', 'a@b@c', 'a@vms..', '<a>@vms']) expect(parseJid(wrong)).toBeNull();
  });
});

describe('what we send', () => {
  test('text stays text, and characters that would end the stream are dropped', () => {
    const body = `a < b & "c" </body><x/>\u0000\u0008\ud800\n\ttab 😀`;
    const stanza = sent(compose.chat({ to: 'web1@vms', type: 'chat', id: 'i1', body, replaces: 'i0' }));
    expect(read(stanza)).toMatchObject({ body: 'a < b & "c" </body><x/>\n\ttab 😀', replaces: 'i0', wantsReceipt: true });
    expect(stanza.getAttribute('to')).toBe('web1@vms');
  });

  test('rooms are not asked for receipts, chat states carry no body', () => {
    expect(read(sent(compose.chat({ to: 'r@muc', type: 'groupchat', id: 'i', body: 'x', replaces: '' })))).toMatchObject({
      wantsReceipt: false,
      replaces: '',
    });
    expect(read(sent(compose.chatState('web1@vms', 'composing')))).toMatchObject({ state: 'composing', body: '' });
  });

  test('requests name what they are about', () => {
    const stanza = sent(compose.iq('set', 'q1', '', compose.rosterItem('web1@vms', 'Shop "A"')));
    expect(stanza.hasAttribute('to')).toBe(false);
    const query = child(stanza, NS.roster, 'query');
    expect(query && readRoster(query)).toMatchObject([{ jid: 'web1@vms', name: 'Shop "A"' }]);
  });
});
