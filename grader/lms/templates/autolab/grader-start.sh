#!/usr/bin/env bash
# Judges the hand-in and prints what Autolab reads. The last line is always a result, for without one Autolab
# publishes a zero.
set -u
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# Below the autograder's time limit in Autolab: what is stopped from outside has printed nothing.
export GRADER_SECONDS="${GRADER_SECONDS:-560}"

# Files, not pipes: Autolab reads standard error as well, and what a dying grader printed is no result.
bash "$HERE/grader/run_one.sh" "$HERE/$1" autolab "$HERE/reply" > "$HERE/printed" 2> "$HERE/said"
if tail -n 1 "$HERE/printed" | grep -q '^{"scores"'; then
    cat "$HERE/printed"
else
    tail -n 20 "$HERE/said"
    echo "No grade yet: the grader could not start. Please tell your instructors."
    echo '{"scores": {"feedback": 0}, "scoreboard": []}'
fi
