#!/usr/bin/python3
"""Talks to a running ./demo as a person would, with an XMPP client library that others wrote (slixmpp).

talk.py FILE    FILE is what ./demo --json wrote

For real machines (the test driver has no disks to attach). Logs in, waits until every contact has shown its presence, says a few sentences and prints the answers.
Exit code: 0 if all contacts were seen and each sentence was answered with the words it must contain.
"""

import asyncio
import json
import sys

import slixmpp

DEADLINE = 60  # seconds for each step; a guess on a busy machine, not a measurement

demo = json.load(open(sys.argv[1], encoding="utf-8"))
web1 = "web1@" + demo["domain"]

# To whom, what, and words that the answer must contain.
SENTENCES = [
    (demo["hypervisor"], "which machines are there?", ["web1", "web2", "db1"]),
    (demo["hypervisors"][1], "which machines are there?", ["mail1"]),
    (web1, "status", ["running"]),
    (web1, "Can you create a new drive?", ["size", "name", "format"]),
    (web1, "qcow2", ["name", "size"]),
    (web1, "20 gigs, call it data. No, make that 30.", ["30 GiB", "data", "vdb"]),
    (web1, "yes", ["data.qcow2", "vdb"]),
    (web1, "which disks do you have?", ["vda", "vdb", "data.qcow2"]),
]


class Person(slixmpp.ClientXMPP):
    """The account of the demo; collects presences and messages."""

    def __init__(self):
        super().__init__(demo["jid"], demo["password"])
        # On the loopback, without TLS, as ./demo sets it up.
        self["feature_mechanisms"].unencrypted_scram = True
        self.seen = asyncio.Queue()
        self.heard = asyncio.Queue()
        self.done = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.talk)
        self.add_event_handler("failed_auth", lambda _: self.end("the server refused the password"))
        # Whatever it shows: slixmpp has an event of its own for each of away, xa, dnd.
        self.add_event_handler("presence", self.seen.put_nowait)
        self.add_event_handler("message", self.heard.put_nowait)

    def end(self, trouble):
        """Ends the talk; trouble is None when all went well."""
        if not self.done.done():
            self.done.set_result(trouble)

    async def talk(self, _):
        """The whole talk."""
        try:
            self.send_presence()
            await self.get_roster()
            missing = {demo["domain"], *demo["hypervisors"], *demo["machines"]}
            while missing:
                try:
                    presence = await asyncio.wait_for(self.seen.get(), DEADLINE)
                except asyncio.TimeoutError:
                    return self.end("no presence of " + ", ".join(sorted(missing)))
                if presence["from"].bare in missing and presence["type"] in ("available", "away", "xa", "dnd", "chat"):
                    missing.discard(presence["from"].bare)
                    print(f"{presence['from'].bare} is {presence['type']}: {presence['status']}")
            for whom, said, words in SENTENCES:
                trouble = await self.say(whom, said, words)
                if trouble:
                    return self.end(trouble)
            self.end(None)
        except Exception as error:  # whatever it is, it must not leave main() waiting
            self.end(repr(error))

    async def say(self, whom, said, words):
        """Says it and waits for an answer with these words; gives what is wrong, or None."""
        print(f"> {whom}: {said}")
        self.send_message(whom, said, mtype="chat")
        last = "nothing"
        while True:
            try:
                message = await asyncio.wait_for(self.heard.get(), DEADLINE)
            except asyncio.TimeoutError:
                return f"{whom} answered {last!r} to {said!r}, without {words}"
            if message["type"] == "error" and message["from"].bare == whom:
                return f"{whom}: {said!r} came back as an error: {message['error']['condition']}"
            if message["from"].bare == whom and message["body"]:
                last = message["body"]
                print(f"< {whom}: {last}")
                if all(word in last for word in words):
                    return None


async def main():
    """Connects, talks, and gives the exit code."""
    person = Person()
    person.connect(("127.0.0.1", demo["ports"]["c2s"]), disable_starttls=True)
    trouble = await person.done
    await person.disconnect()
    if trouble:
        print("FAILED: " + trouble)
    return 1 if trouble else 0


sys.exit(asyncio.get_event_loop().run_until_complete(main()))
