# shellcheck shell=bash disable=SC2034  # what is set here is used by ./check
# The legs of ./check, in the order they run: what is needed, what is quick to fail, the tests, and the
# legs that stand apart. Each runs in the project's folder with its output in a log, and ends with 0
# (passed), 77 (not run; the last line it prints says why) or anything else (failed).

LOGS=${ATOLL_LOGS:-$ATOLL_CACHE/check}
LOGS_AS_NEW=$ATOLL_CACHE/check-as-new
LEGS=(packages rust model web scripts format lint guest tests doctests fuzz page demo licences rust-bert readme)
QUICK_LEGS=(packages rust model web format lint tests)

declare -A TELLS=(
  [packages]="Debian packages are installed"
  [rust]="cargo and cargo-nextest are there"
  [model]="the sentence encoder's weights are there, checksums right"
  [web]="the web page builds, its unit tests pass"
  [scripts]="shellcheck finds nothing in the scripts"
  [format]="the code is formatted"
  [lint]="clippy finds nothing"
  [guest]="kernel and initramfs of the test machines are built"
  [tests]="all Rust tests pass: transcripts, properties, hosts, end to end"
  [doctests]="the examples in the documentation run"
  [fuzz]="the fuzz targets compile (their bodies run as property tests)"
  [page]="in Chromium, on ./demo --test-driver: log in, roster, chat"
  [demo]="./demo with real machines: doctor, a talk with slixmpp, nothing left behind"
  [licences]="licences, sources and bans (cargo-deny)"
  [rust-bert]="the rust-bert encoder gives candle's vectors and decisions"
  [readme]="the commands in README.md run"
)

# not_run REASON…: the leg can't run here, and that is no failure.
not_run() {
  printf '%s\n' "$*"
  exit 77
}

is_debian_12() { (. /etc/os-release && [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]]); }

# with_node: Node.js that is new enough comes first in PATH.
with_node() {
  local folder
  folder=$("$ATOLL_ROOT/scripts/node.sh")
  PATH=${folder:+$folder:}$PATH
}

leg_packages() {
  local groups=(build demo check)
  if [[ -n ${ATOLL_QUICK:-} ]]; then
    groups=(build)
  elif is_debian_12; then
    groups+=(torch)
  fi
  scripts/packages.sh "${groups[@]}"
}

leg_rust() { scripts/rust.sh nextest; }

leg_model() { scripts/model.sh; }

leg_web() {
  with_node
  scripts/web.sh
  npm --prefix webchat test
}

leg_scripts() {
  shellcheck --version | sed -n 2p
  shellcheck --severity warning demo check bench .ci/run scripts/*.sh
}

leg_format() { cargo fmt --all --check -- --color never; }

leg_lint() { cargo clippy --locked --workspace --all-targets --quiet -- --deny warnings; }

leg_guest() {
  # shellcheck source=scripts/guests.sh
  source scripts/guests.sh
  guest_image_ready
}

leg_tests() {
  local status=0 only=()
  [[ -z ${ATOLL_QUICK:-} ]] || only=(-E "$(quick_tests)")
  export ATOLL_MODEL_DIR=${ATOLL_MODEL_DIR:-$ATOLL_CACHE/model}
  # The programs that the end-to-end tests start; and the classifier once, before many tests want it at a time.
  cargo build --locked --workspace --bins
  cargo run --locked --quiet --package agent --bin atoll -- train
  cargo nextest run --locked --workspace "${only[@]}" --no-tests fail || status=$?
  count_tests "$LOGS/tests.log" >"${ATOLL_SUMMARY:-/dev/null}"
  return "$status"
}

# quick_tests: a nextest filter without the suites that start servers, as far as they exist (nextest
# refuses names it doesn't know).
quick_tests() {
  cargo metadata --locked --no-deps --format-version 1 | "$PYTHON" -c '
import json, re, sys
names = {t["name"] for p in json.load(sys.stdin)["packages"] for t in p["targets"] if "test" in t["kind"]}
slow = sorted(n for n in names if re.match(r"(hosts|e2e|xmpp)(_|$)", n))
print("not (" + " | ".join(f"binary(={n})" for n in slow) + ")" if slow else "all()")'
}

# count_tests LOG: "PASSED FAILED SKIPPED" of nextest's own summary line, the last in the log.
count_tests() {
  local line passed failed timed_out skipped
  line=$(sed 's/\x1b\[[0-9;]*m//g' "$1" | grep -E '^ *Summary \[' | tail -n 1)
  passed=$(sed -n 's/.*[ :(]\([0-9]*\) passed.*/\1/p' <<<"$line")
  failed=$(sed -n 's/.* \([0-9]*\) failed.*/\1/p' <<<"$line")
  timed_out=$(sed -n 's/.* \([0-9]*\) timed out.*/\1/p' <<<"$line")
  skipped=$(sed -n 's/.* \([0-9]*\) skipped.*/\1/p' <<<"$line")
  printf '%s %s %s\n' "${passed:-0}" $((${failed:-0} + ${timed_out:-0})) "${skipped:-0}"
}

leg_doctests() { cargo test --locked --workspace --doc --quiet; }

leg_fuzz() {
  [[ -f tests/fuzz/Cargo.toml ]] || not_run "there are no fuzz targets (tests/fuzz)"
  # With the versions of the workspace, and what drives the targets besides.
  cp Cargo.lock tests/fuzz/Cargo.lock
  cargo check --manifest-path tests/fuzz/Cargo.toml
}

# demo_up OPTION…: starts ./demo and waits until it is ready; DEMO_JSON is what it wrote. It ends
# with this leg.
demo_up() {
  own_dir
  DEMO_JSON=$OWN_DIR/demo.json
  start '' demo "$OWN_DIR/demo.log" "$ATOLL_ROOT/demo" --json "$DEMO_JSON" --for 600 "$@"
  DEMO=$STARTED
  if ! wait_for 900 "$DEMO" test -s "$DEMO_JSON"; then
    cat "$OWN_DIR/demo.log"
    echo "./demo $* did not get ready; its words are above."
    exit 1
  fi
}

# demo_said KEY: a value of what ./demo wrote.
demo_said() { "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$DEMO_JSON" "$1"; }

# demo_agent_said: ends the leg as failed, with what the agent had logged.
demo_agent_said() {
  echo "The end of the agent's log:"
  tail -n 30 "$(demo_said folder)/agent.log"
  exit 1
}

# record_talk FILE: a conversation in a terminal with the demo's web1, which the page must show word for word.
record_talk() {
  printf '%s\n' "please reboot" "no" "pause, then resume" "no" "never mind" "et en français ?" "redémarre" "non" "in english please" |
    "$(demo_said atoll)" chat --uri "$(demo_said uri)" web1 --record "$1"
}

leg_page() {
  with_node
  demo_up --test-driver
  record_talk "$OWN_DIR/talk.txt"
  ATOLL_RECORD=$OWN_DIR/talk.txt ATOLL_PAGE=$(demo_said page) ATOLL_JID=$(demo_said jid) ATOLL_PASSWORD=$(demo_said password) \
    ATOLL_CONTACT=web1@vms.localhost ATOLL_QUICK="force off" ATOLL_SHOTS=$LOGS node webchat/test/e2e.mjs || demo_agent_said
}

leg_demo() {
  local folder doctor
  demo_up
  folder=$(demo_said folder)
  # The agent itself holds the component's one connection, so doctor finds that leg taken: no fault.
  doctor=$("$(demo_said atoll)" doctor --config "$(demo_said config)") || true
  printf '%s\n' "$doctor"
  if grep FAIL <<<"$doctor" | grep -vE 'FAIL delivery|another connection serves this component already'; then
    echo "doctor finds fault, see above."
    demo_agent_said
  fi
  "$PYTHON" scripts/demo/talk.py "$DEMO_JSON" || demo_agent_said
  kill -TERM "$DEMO"
  wait_for 30 0 test ! -d "$folder" || {
    echo "./demo left its folder $folder behind."
    return 1
  }
  # Whatever it had started has its folder in its command line.
  wait_for 10 0 nobody_names "$folder" || {
    echo "These processes were left behind by ./demo:"
    grep -lsF -f <(printf '%s' "$folder") /proc/[0-9]*/cmdline
    return 1
  }
}

# nobody_names WORD: no process has it in its command line (nor this search, which gets it by file).
nobody_names() { ! grep -qsF -f <(printf '%s' "$1") /proc/[0-9]*/cmdline; }

leg_licences() {
  scripts/rust.sh deny || not_run "cargo-deny can't be had"
  # The crates of all systems: cargo-deny asks cargo for the whole graph before it looks at the systems we build for.
  cargo fetch --locked
  cargo deny --offline check licenses bans sources
  # Advisories come from a database that changes by itself: told, not judged, so that a clone that
  # passed yesterday passes today.
  if timeout 60 cargo deny fetch db; then
    cargo deny check advisories || echo "(Known advisories, see above.)"
  else
    echo "The advisory database can't be had here: advisories were not looked up."
  fi
}

leg_rust-bert() {
  is_debian_12 || not_run "libtorch 1.13 is packaged in Debian 12 only"
  scripts/packages.sh torch
  # Apart, so that building it doesn't disturb what the daily loop keeps.
  export CARGO_TARGET_DIR=$ATOLL_CACHE/target-bert
  export LIBTORCH=/usr LIBTORCH_CXX11_ABI=1 ATOLL_MODEL_DIR=${ATOLL_MODEL_DIR:-$ATOLL_CACHE/model}
  export ATOLL_CORPUS=$ATOLL_CACHE/sentences.txt
  corpus_sentences >"$ATOLL_CORPUS"
  echo "$(wc -l <"$ATOLL_CORPUS") sentences of the English corpus"
  cargo nextest run --locked --package intents --features candle,rust-bert
}

# corpus_sentences: every fifth English phrasing of the corpus (MiniLM knows no other language), one a line, without their marks: "[20 gig](size)" is
# "20 gig", and a near miss ends before its arrow.
corpus_sentences() {
  sed -nE 's/^[+!] +//; t mend; d; :mend; s/ +-> .*//; s/\[([^]]*)\]\([^)]*\)/\1/g; p' corpus/en/*.txt | sort -u | awk 'NR % 5 == 1'
}

# README.md marks what a reader is told to type, and we type it too: fenced blocks after a line
# "<!-- check runs this -->".
leg_readme() {
  local script
  script=$(awk '/^<!-- check runs this -->$/ {next_block = 1; next}
                /^```/ {inside = !inside && next_block; if (!inside) next_block = 0; next}
                inside' README.md)
  [[ -n $script ]] || not_run "README.md has no block marked <!-- check runs this -->"
  PATH=$CARGO_TARGET_DIR/debug:$PATH "$BASH" -euxo pipefail -c "$script"
}
