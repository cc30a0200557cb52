"""Writes the encoder's file, whose layout is described in `intents/src/encoder/file.rs`."""

import hashlib
import json
import struct

import numpy as np

from use import normalise


def quantised(matrix, axis):
    """Bytes and their factors: one factor per column (axis 0) or per row (axis 1)."""
    factors = np.maximum(np.abs(matrix).max(axis), 1e-9) / 127.0
    whole = np.rint(matrix / (factors[None, :] if axis == 0 else factors[:, None]))
    return whole.astype(np.int8), factors.astype(np.float32)


def key(text):
    """By what a text is known in the list of those seen."""
    return int.from_bytes(hashlib.sha256(normalise(text).encode()).digest()[:8], "little")


def write(path, pieces, table, dense, seen):
    """`dense` holds the weights by their original names; `seen` the texts that were learnt from."""
    orders = (2, 3, 5)
    parts = {}

    def floats(name, values):
        values = np.asarray(values, "<f4").reshape(-1)
        parts[name] = (values.tobytes(), values.size, 1)

    def matrix(name, values, axis=0):
        whole, factors = quantised(np.asarray(values, np.float32), axis)
        parts[name] = (whole.tobytes(), *whole.shape)
        floats(f"{name}.scale", factors)

    lines = "\n".join(["<unk>", "<s>", "</s>", *pieces.pieces[3:]]).encode()
    parts["pieces"] = (lines, len(lines), 1)
    floats("scores", pieces.scores)
    matrix("table", table, axis=1)
    joined = lambda name: np.concatenate([dense[f"{name}{order}"] for order in orders], -1)
    matrix("proj", joined("proj"))
    for name, original in (("proj_b", "proj_b"), ("proj_g", "ln_g"), ("proj_s", "ln_b")):
        floats(name, joined(original))
    for order in orders:
        for layer in "12":
            matrix(f"w{layer}_{order}", dense[f"w{layer}_{order}"])
            floats(f"b{layer}_{order}", dense[f"b{layer}_{order}"])
    for name in ("ln_g", "ln_b", "cnn_b", "eps"):
        floats(name, dense[name])
    for name in ("cnn_W", "d0", "p1", "d1", "d2", "p3", "d3"):
        matrix(name, dense[name])
    keys = np.array(sorted({key(text) for text in seen}), "<u8")
    parts["seen"] = (keys.tobytes(), keys.nbytes, 1)

    body, places = b"", {}
    for name in sorted(parts):
        data, rows, columns = parts[name]
        places[name] = (len(body), rows, columns)
        body += data
    digest = hashlib.sha256(body).hexdigest()[:8]
    header = json.dumps({"name": f"bundled-{digest}", "parts": places}, sort_keys=True).encode()
    with open(path, "wb") as file:
        file.write(b"atollenc" + struct.pack("<I", len(header)) + header + body)
    return 12 + len(header) + len(body)
