#!/usr/bin/python3
"""A person's XMPP client (slixmpp), driven over standard input and output by JSON lines.

person.py JID PASSWORD PORT

In:  {"xml": "<message …/>"} sends that; {"subscribe": "jid"} asks to see somebody; {"show": "jid"?} tells the server that
     we are here; {"end": true} logs out.
Out: {"kind": "online"}, {"kind": "failed", "why": …}, {"kind": "offline"} and, for each stanza that comes in,
     {"kind": "message"|"presence"|"iq", "from", "bare", "type", "id", "body", "show", "status", "xml"}.
"""

import asyncio
import json
import sys

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath


def tell(**what):
    """One line out."""
    print(json.dumps(what), flush=True)


class Person(slixmpp.ClientXMPP):
    """Logs in, reports what comes in."""

    def __init__(self, jid, password):
        super().__init__(jid, password)
        # On the loopback, without TLS.
        self["feature_mechanisms"].unencrypted_plain = True
        self["feature_mechanisms"].unencrypted_scram = True
        self.register_plugin("xep_0199")
        for kind in ("message", "presence", "iq"):
            match = MatchXPath("{jabber:client}" + kind)
            self.register_handler(Callback("Report " + kind, match, lambda stanza, kind=kind: self.report(kind, stanza)))
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("failed_auth", lambda _: tell(kind="failed", why="password"))
        self.add_event_handler("disconnected", lambda _: tell(kind="offline"))

    async def begin(self, _):
        """Shown to nobody before the roster is there."""
        await self.get_roster()
        self.send_presence()
        tell(kind="online")

    def report(self, kind, stanza):
        """What came in, with what tests ask for taken out of it."""
        found = lambda name: stanza.xml.findtext("{jabber:client}" + name) or ""
        tell(kind=kind, bare=stanza["from"].bare, type=stanza.xml.get("type", ""), id=stanza.xml.get("id", ""),
             body=found("body"), show=found("show"), status=found("status"), xml=str(stanza), **{"from": str(stanza["from"])})

    async def obey(self):
        """Does what comes in on standard input, until it ends."""
        loop = asyncio.get_event_loop()
        reader = asyncio.StreamReader(limit=1 << 22)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            if "xml" in order:
                self.send_raw(order["xml"])
            elif "subscribe" in order:
                self.send_presence_subscription(order["subscribe"])
            elif "end" in order:
                break
        await self.disconnect()


async def main():
    """Until standard input ends."""
    person = Person(sys.argv[1], sys.argv[2])
    person.connect(("127.0.0.1", int(sys.argv[3])), disable_starttls=True)
    await person.obey()


asyncio.get_event_loop().run_until_complete(main())
