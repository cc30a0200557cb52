"""Word pieces: what a tokenizer sees of a text, and how a unigram vocabulary cuts it."""

import unicodedata

UNK, BOS, EOS = 0, 1, 2
MAX_PIECES = 64
MAX_CHARACTERS = 400
SPACE = "\u2581"


def normalise(text):
    """What the tokenizer sees: NFKC, small letters, every number a 0, single spaces."""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    out, space, digit = [], True, False
    for c in text:
        if c.isspace() or unicodedata.category(c) == "Cc":
            space, digit = True, False
            continue
        if space:
            out.append(SPACE)
        space = False
        if unicodedata.category(c)[0] == "N":
            if not digit:
                out.append("0")
            digit = True
        else:
            out.append(c)
            digit = False
    return "".join(out[:MAX_CHARACTERS])


class Pieces:
    """A unigram vocabulary (Kudo 2018) and the most probable segmentation by it."""

    def __init__(self, pieces, scores):
        self.pieces, self.scores = list(pieces), list(scores)
        self.index = {piece: place for place, piece in enumerate(self.pieces) if place > EOS}
        self.longest = max(map(len, self.pieces))
        self.unknown = min(self.scores) - 10.0
        self.known = {}

    def encode(self, text):
        """Numbers of the pieces, between those of beginning and end; at most MAX_PIECES. No piece spans two words."""
        found = [place for word in normalise(text).split(SPACE)[1:] for place in self.word(SPACE + word)]
        return [BOS, *found[: MAX_PIECES - 2], EOS]

    def word(self, text):
        if text in self.known:
            return self.known[text]
        best, back = [0.0] + [-1e38] * len(text), [(0, UNK)] * (len(text) + 1)
        for start in range(len(text)):
            for end in range(start + 1, min(start + self.longest, len(text)) + 1):
                place = self.index.get(text[start:end])
                if place is not None:
                    score = best[start] + self.scores[place]
                elif end == start + 1:
                    place, score = UNK, best[start] + self.unknown
                else:
                    continue
                if score > best[end]:
                    best[end], back[end] = score, (start, place)
        found, end = [], len(text)
        while end > 0:
            end, place = back[end]
            found.append(place)
        return self.known.setdefault(text, found[::-1])


def prune(pieces, scores, texts):
    """Places of the pieces that `texts` are cut into, and of what any text can be cut into: all Latin single characters."""
    full = Pieces(pieces, scores)
    keep = {UNK, BOS, EOS}
    for text in texts:
        keep.update(full.encode(text))
    for place, piece in enumerate(pieces):
        bare = piece.removeprefix(SPACE)
        if len(bare) <= 1 and all(ord(c) < 0x250 or 0x2000 <= ord(c) < 0x2600 for c in bare):
            keep.add(place)
        elif len(bare) <= 3 and bare.isascii() and bare.islower():
            keep.add(place)
    return sorted(keep)
