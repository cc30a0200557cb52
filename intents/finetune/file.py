"""Writes the encoder's file, whose layout is described in `intents/src/encoder/file.rs`."""

import hashlib
import json
import struct

import numpy as np

from e5 import EPSILON
from pieces import normalise

COLUMNS = 16


def quantised(matrix, axis):
    """Bytes and their factors: one factor per column (axis 0) or per row (axis 1)."""
    factors = np.maximum(np.abs(matrix).max(axis), 1e-9) / 127.0
    whole = np.rint(matrix / (factors[None, :] if axis == 0 else factors[:, None]))
    return whole.astype(np.int8), factors.astype(np.float32)


def key(text):
    """By what a text is known in the list of those seen."""
    return int.from_bytes(hashlib.sha256(normalise(text).encode()).digest()[:8], "little")


def write(path, pieces, model, seen):
    """`seen` are the texts that were learnt from."""
    parts = {}

    def floats(name, values):
        values = np.asarray(values, "<f4").reshape(-1)
        parts[name] = (values.tobytes(), values.size, 1)

    lines = "\n".join(pieces.pieces).encode()
    parts["pieces"] = (lines, len(lines), 1)
    floats("scores", pieces.scores)
    whole, factors = quantised(model.table.detach().numpy(), 1)
    parts["table"] = (whole.tobytes(), *whole.shape)
    floats("table.scale", factors)
    floats("steps", model.steps)
    floats("epsilon", EPSILON)
    for name, value in model.dense.items():
        name, value = name.replace("/", "."), value.detach().numpy()
        if value.ndim == 2 and name != "places":
            whole, factors = quantised(value, 0)
            panels = whole.reshape(len(whole), -1, COLUMNS).transpose(1, 0, 2)
            parts[name] = (panels.tobytes(), *whole.shape)
            floats(f"{name}.scale", factors)
        else:
            floats(name, value)
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
