"""Public sentences whose intents are learnt beside the corpus, so that the encoder stays at home in other domains too."""

import json
from pathlib import Path

from corpus import Line

def clinc(path):
    """The training part of CLINC150 (Larson et al. 2019), that of no intent included; never what it is measured on."""
    parts = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Line(text, label, "en") for part in ("train", "oos_train") for text, label in parts[part]]
