#!/usr/bin/env bash
# PrairieLearn starts this for each submission, as root, in a fresh container; it lies in /grade/tests there.
set -u
GRADE="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Below "timeout" in info.json: a grader that PrairieLearn stops itself has told nothing.
export GRADER_SECONDS="${GRADER_SECONDS:-560}"
mkdir -p "$GRADE/results"
# The exit status is handed on: after another one than 0 the submission is "not gradable" and costs no attempt.
exec bash "$GRADE/tests/grader/run_one.sh" "$GRADE/student" prairielearn "$GRADE/results"
