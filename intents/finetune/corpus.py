"""Reads the corpus, and puts near-duplicates into groups as `intents/src/examples.rs` does."""

import math
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ALIKE = 0.8
ANNOTATION = re.compile(r"\[([^\]\n]+)\]\(([a-z][a-zA-Z0-9_-]*)\)")
HEADER = re.compile(r"#[ \t]*([a-z][\w-]*(?:\.[\w-]+)*)")
TOKEN = re.compile(r"(?:[^\W_]|'|[\u0300-\u036f])+|[^\s\w']|_")


@dataclass
class Line:
    """A sentence of the corpus. `label` is empty for none of the skills; `miss` names the skill it is a near miss of."""

    text: str
    label: str
    language: str
    spans: list = field(default_factory=list)  # (start, end, slot), of characters
    miss: str = ""
    group: int = -1


def read(folder):
    """Every `+` and `!` line of every language below `folder`, each once per label."""
    lines, seen = [], set()
    for path in sorted(Path(folder).glob("*/*.txt")):
        if path.name in ("lexicon.txt", "phrases.txt"):
            continue
        language, skill = path.parent.name, None
        for raw in path.read_text(encoding="utf-8").splitlines():
            if header := HEADER.match(raw):
                skill = "" if header[1] == "none" else header[1]
            elif raw.startswith("+") and skill is not None:
                text, spans = plain(raw[1:].strip())
                add(lines, seen, Line(text, skill, language, spans))
            elif raw.startswith("!") and skill is not None:
                said, _, owner = raw[1:].partition("->")
                owner = owner.strip()
                add(lines, seen, Line(said.strip(), "" if owner == "none" else owner, language, miss=skill))
    return lines


def add(lines, seen, line):
    key = (line.text, line.label, line.language)
    if line.text and key not in seen:
        seen.add(key)
        lines.append(line)


def plain(annotated):
    """Text without its annotations, and where they were."""
    text, spans, last = "", [], 0
    for match in ANNOTATION.finditer(annotated):
        text += annotated[last : match.start()]
        spans.append((len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        last = match.end()
    return text + annotated[last:], spans


def tokens(text):
    """Folded words and signs, as `features.rs`."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    words = (re.sub(r"\d+", "#", token.replace("'", "")) for token in TOKEN.findall(folded)[:200])
    return [word for word in words if word]


def grams(text):
    """The n-grams of a text with their values, words and characters scaled to their lengths."""
    words, characters, previous = defaultdict(float), defaultdict(float), "^"
    found = tokens(text)
    for token in found:
        words["w" + token] += 1
        words["p" + previous + " " + token] += 1
        previous = token
        marked = "<" + token[:32] + ">"
        for length in (3, 4, 5):
            for start in range(len(marked) - length + 1):
                characters["c" + marked[start : start + length]] += 1
    if found:
        words["p" + previous + " $"] += 1
    values = {}
    for block, length in ((words, 0.5), (characters, 0.35)):
        norm = math.sqrt(sum((1 + math.log(count)) ** 2 for count in block.values())) or 1.0
        values.update((gram, length * (1 + math.log(count)) / norm) for gram, count in block.items())
    return values


def group(lines):
    """Numbers the groups: sentences of one label and language that are alike, by single linkage."""
    parent = list(range(len(lines)))

    def root(place):
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    by_label = defaultdict(list)
    for place, line in enumerate(lines):
        by_label[line.label, line.language].append(place)
    for places in by_label.values():
        vectors = []
        for place in places:
            values = grams(lines[place].text)
            norm = math.sqrt(sum(value * value for value in values.values())) or 1.0
            vectors.append({gram: value / norm for gram, value in values.items()})
        index = defaultdict(list)
        for here, vector in enumerate(vectors):
            scores = defaultdict(float)
            for gram, value in vector.items():
                for other, weight in index[gram]:
                    scores[other] += value * weight
                index[gram].append((here, value))
            for other, alike in scores.items():
                if alike >= ALIKE:
                    left, right = sorted((root(places[here]), root(places[other])))
                    parent[right] = left
    for place, line in enumerate(lines):
        line.group = root(place)
    return lines


if __name__ == "__main__":
    # The corpus as a table, for `cargo run -p intents --example benchmark -- folds TABLE`.
    import csv
    import sys

    table = csv.writer(sys.stdout)
    table.writerow(["text", "label", "language", "near miss of"])
    for line in read(sys.argv[1]):
        table.writerow([line.text, line.label, line.language, line.miss])
