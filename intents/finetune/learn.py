"""How the network learns: noisy lines are drawn to the directions of their labels."""

import random
import time

import numpy as np
import torch
import torch.nn.functional as F

import e5
from noise import Noise


def fine_tune(chosen, lines, skills, pieces, table, tensors, held, others=()):
    """The network after learning from all lines but those held out, the texts learnt from, and figures on the others."""
    random.seed(chosen.seed)
    torch.manual_seed(chosen.seed)
    asked = set(held)
    hidden = {lines[index].text for index in held}
    learnt = [line for index, line in enumerate(lines) if index not in asked and line.text not in hidden]
    tasks = [Task(learnt, skills, chosen.rejection)]
    beside = [line for line in others if line.text not in hidden]
    if beside:
        tasks.append(Task(beside, sorted({line.label for line in beside}), 1.0))
    ours = tasks[0]

    model = e5.E5(tensors, table, chosen.layers)
    model.dropout = chosen.dropout
    before = begin(chosen, model, pieces) if chosen.begin else []
    vectors = torch.tensor(e5.encode(model, [pieces.encode(line.text) for line in learnt]))
    labels = ours.labels(learnt)
    with torch.no_grad():
        # Vectors of the original lie in a narrow cone: what tells labels apart is where they are seen from its middle.
        sums = torch.zeros(len(skills), e5.WIDTH).index_add(0, labels, vectors - vectors.mean(0))
        ours.head.copy_(F.normalize(sums, dim=1))
    matrices = [value for value in model.dense.values() if value.dim() > 1]
    rest = [value for value in model.dense.values() if value.dim() == 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "lr": chosen.rate, "weight_decay": 0.01},
            {"params": [*rest, model.table], "lr": chosen.rate, "weight_decay": 0.0},
            {"params": [task.head for task in tasks], "lr": 5e-3, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
        fused=True,
    )
    steps = chosen.epochs * sum(len(task.batches(chosen.batch)) for task in tasks)
    rate = lambda step: min(1.0, (step + 1) / (0.08 * steps)) * max(0.01, 1 - step / steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    average = Average(model, ours.head, chosen.average)

    begun = time.time()
    figures = {}
    step = 0
    for epoch in range(1, chosen.epochs + 1):
        model.train()
        total = 0.0
        batches = [(task, some) for task in tasks for some in task.batches(chosen.batch)]
        random.shuffle(batches)
        for task, some in batches:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = model(*e5.batch([pieces.encode(task.noise(line)) for line in some]))
            loss = task.loss(vectors.float(), some, chosen.scale)
            if task is ours:
                total += loss.item() * len(some)
            else:
                loss = chosen.others * loss
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            average.add(step)
        if epoch % chosen.report == 0 or epoch == chosen.epochs:
            average.swap()
            figures = measure(model, ours.head, [lines[index] for index in held], ours.places, pieces)
            shown = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
            print(f"epoch {epoch} loss {total / len(learnt):.3f} {shown} {time.time() - begun:.0f} s", flush=True)
            if epoch < chosen.epochs:
                average.swap()
    return model, sorted({*before, *(line.text for task in tasks for line in task.lines)}), figures


class Task:
    """Lines to learn from, and the directions of their labels."""

    def __init__(self, lines, labels, least):
        self.lines = list(lines)
        self.places = {label: number for number, label in enumerate(labels)}
        self.head = torch.nn.Parameter(torch.randn(len(labels), e5.WIDTH) * 0.05)
        self.noise = Noise(self.lines)
        counts = np.bincount([self.places[line.label] for line in self.lines], minlength=len(labels))
        weights = np.clip(np.sqrt(np.median(counts) / np.maximum(counts, 1)), least, 3.0)
        self.weights = torch.tensor(weights, dtype=torch.float32)

    def batches(self, size):
        """Lines of about one length together, so that few rows are filled up."""
        random.shuffle(self.lines)
        found = []
        for start in range(0, len(self.lines), 8 * size):
            some = sorted(self.lines[start : start + 8 * size], key=lambda line: len(line.text))
            found += [some[at : at + size] for at in range(0, len(some), size)]
        return found

    def labels(self, lines):
        return torch.tensor([self.places[line.label] for line in lines])

    def scores(self, vectors, scale):
        return vectors @ F.normalize(self.head, dim=1).T * scale

    def loss(self, vectors, lines, scale):
        labels = self.labels(lines)
        losses = F.cross_entropy(self.scores(vectors, scale), labels, label_smoothing=0.1, reduction="none")
        return (losses * self.weights[labels]).mean()


class Average:
    """A running average of the weights, less noisy than the last ones."""

    EVERY = 8

    def __init__(self, model, head, length):
        self.now = [*model.parameters(), head]
        self.kept = [value.detach().clone() for value in self.now]
        self.length = length

    @torch.no_grad()
    def add(self, step):
        if step % self.EVERY == 0:
            share = max(self.EVERY / self.length, self.EVERY / (step + self.EVERY))
            for kept, value in zip(self.kept, self.now):
                kept.lerp_(value, share)

    @torch.no_grad()
    def swap(self):
        for kept, value in zip(self.kept, self.now):
            other = kept.clone()
            kept.copy_(value)
            value.copy_(other)


def begin(chosen, model, pieces):
    """Takes over a network kept before, the layers chosen and piece by piece; gives the texts it had learnt from."""
    state, kept, seen = torch.load(chosen.begin)
    place = {piece: row for row, piece in enumerate(kept)}
    table = state.pop("table")
    with torch.no_grad():
        for row, piece in enumerate(pieces.pieces):
            if piece in place:
                model.table[row] = table[place[piece]]
        for name, value in model.dense.items():
            number, _, part = name.partition("/")
            source = f"{chosen.layers[int(number)]}/{part}" if number.isdigit() else name
            value.copy_(state[f"dense.{source}"])
    return seen


def measure(model, head, asked, places, pieces):
    """Shares of right answers to what was not learnt, near misses left out, by the direction nearest to each vector."""
    asked = [line for line in asked if not line.miss]
    scores = e5.encode(model, [pieces.encode(line.text) for line in asked])
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
