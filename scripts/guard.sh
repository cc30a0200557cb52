#!/usr/bin/env bash
# Waits for a run of ours to end and, should it have died without its traps (SIGKILL), ends what it
# had started and removes its folder. Started by own_dir in lib.sh, never by hand.
#
# guard.sh PID BORN FOLDER: the run's process, its start time, its private folder.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pid=$1 born=$2 folder=$3
while [[ $(process_born "$pid") == "$born" && -d $folder ]]; do
  sleep 0.5
done
OWN_DIR=$folder # what own_end works off
own_end
