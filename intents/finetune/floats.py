"""Vectors by the network as it was learnt, before its weights are cut to bytes.

    python finetune.py --original ORIGINAL --write --keep KEPT
    python corpus.py ../../corpus > corpus.csv
    python floats.py --original ORIGINAL --kept KEPT corpus.csv ../../tests/strangers/*.csv > floats.bin
    cargo run -p intents --example bytes -- floats.bin corpus.csv ../../tests/strangers/*.csv

The last one says how many sentences of the tables the classifier decides alike with these vectors and with those of the
weights in bytes. `floats.bin` holds 384 numbers of four bytes for each record of the tables, in their order.
"""

import argparse
import csv
import sys

import numpy as np
import torch

import e5
from pieces import Pieces


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--original", required=True, help="folder of the unpacked package")
    options.add_argument("--kept", required=True, help="file the fine-tuned network was kept in")
    options.add_argument("tables", nargs="+", help="tables whose first column is a text")
    chosen = options.parse_args()

    everything, scores, tensors = e5.original(chosen.original)
    state, kept, _ = torch.load(chosen.kept)
    steps = 1 + max(int(name.split(".")[1].split("/")[0]) for name in state if name.startswith("dense.") and name[6].isdigit())
    model = e5.E5(tensors, state["table"], range(steps))
    model.load_state_dict(state)
    score = dict(zip(everything, scores))
    pieces = Pieces(kept, [score[piece] for piece in kept])
    texts = []
    for table in chosen.tables:
        with open(table, encoding="utf-8", newline="") as file:
            texts += [record[0] for record in list(csv.reader(file))[1:] if any(record)]
    vectors = e5.encode(model, [pieces.encode(text.strip()) for text in texts])
    sys.stdout.buffer.write(np.asarray(vectors, "<f4").tobytes())


if __name__ == "__main__":
    main()
