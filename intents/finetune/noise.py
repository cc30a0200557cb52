"""What somebody else might have typed instead of a line of the corpus."""

import random
import re
import unicodedata
from collections import defaultdict

NAMES = ("machine", "name")


class Noise:
    """Makes of a line what somebody else might have typed: other names and values, slips of the finger, lost words."""

    def __init__(self, lines):
        self.values = defaultdict(list)
        names = set()
        for line in lines:
            for start, end, slot in line.spans:
                if slot in NAMES:
                    names.add(line.text[start:end])
                else:
                    self.values[slot, line.language].append(line.text[start:end])
        self.names = sorted(names)

    def __call__(self, line):
        text = self.other_values(line)
        chance = random.random
        if chance() < 0.3:
            text = text.rstrip("?!. ")
        if chance() < 0.2:
            text = re.sub("[,;:'\u2019-]", " " if chance() < 0.5 else "", text)
        if chance() < 0.3:
            text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        if chance() < 0.25:
            text = self.slip(text)
        words = text.split()
        if len(words) > 3:
            words = [word for word in words if chance() > 0.08] or words
        return " ".join(words)

    def other_values(self, line):
        text, last = "", 0
        for start, end, slot in line.spans:
            value = line.text[start:end]
            others = self.names if slot in NAMES else self.values[slot, line.language]
            if others and random.random() < 0.5:
                value = random.choice(others)
            text += line.text[last:start] + value
            last = end
        return text + line.text[last:]

    def slip(self, text):
        if len(text) < 7:
            return text
        at = random.randrange(len(text) - 1)
        return random.choice(
            (
                text[:at] + text[at + 1 :],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
                text[: at + 1] + text[at:],
                text[:at] + random.choice("abcdefghijklmnopqrstuvwxyz") + text[at + 1 :],
            )
        )
