#!/usr/bin/env bash
# Grades one submission:  run_one.sh SUBMISSION FORMAT REPLY_FOLDER
#   GRADER_PYTHON   the interpreter (default: what install.sh made, else python3)
#   GRADER_SECONDS  after which grading is ended; the reply then tells what is known by then (default: 540;
#                   what `grader package --seconds` was given comes before both)
#   GRADER_OPTIONS  further words for `grader grade`, such as "--no-train"
# The last thing on standard output is what the format wants there; everything else goes to standard error.
# The exit status is what the format wants, too; 2 where grading could not begin.
set -u
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$HERE/settings.sh"

if [ $# -ne 3 ]; then
    echo "usage: run_one.sh SUBMISSION FORMAT REPLY_FOLDER" >&2
    exit 2
fi

# The answers lie here. What keeps a learner's program out is the sandbox; this is a second lock, where we are
# root and it is not.
chmod 700 "$HERE" 2> /dev/null || true

PYTHON="${GRADER_PYTHON:-}"
if [ -z "$PYTHON" ]; then
    PYTHON=python3
    [ -x /opt/grader/bin/python ] && PYTHON=/opt/grader/bin/python
fi
WORK="$(mktemp -d)" || exit 2
trap 'rm -rf "$WORK"' EXIT

# Not `-c "import ..."` and not from the folder of the submission: a file named numpy.py must not be ours.
cd "$HERE" || exit 2
export GRADER_ROOT="$HERE" PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONPATH="$HERE"
export LANG="${LANG:-C.UTF-8}"
unset GRADER_SECRET
LIMIT="${GRADER_SECONDS:-540}"
if [ -n "$GRADER_PACKED_SECONDS" ] && [ -z "${GRADER_IN_SETUP:-}" ]; then
    LIMIT="$GRADER_PACKED_SECONDS"
fi
# SIGTERM lets the grader tell what it knows; the second signal is for a machine that does not answer any more.
# shellcheck disable=SC2086 # GRADER_OPTIONS are words
timeout --preserve-status -s TERM -k 15 "$LIMIT" \
    "$PYTHON" -m grader.cli grade "$1" -a "$GRADER_ASSIGNMENT" -o "$WORK" \
    --format "$2" --reply "$3" --lang "$GRADER_LANG" ${GRADER_OPTIONS:-} < /dev/null
