#!/usr/bin/env bash
# Coursera starts this for each submission, in a fresh container without a network.
#   GRADER_SECONDS   below --grading-timeout: a grader that Coursera stops itself has told nothing
set -u
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SHARED="${SHARED_FOLDER:-/shared}"
export GRADER_SECONDS="${GRADER_SECONDS:-1080}"
REPLY="$(mktemp -d)" || exit 1

bash "$HERE/grader/run_one.sh" "$SHARED/submission" coursera "$REPLY"
STATUS=$?

# Only what is final: an earlier reply may lie there, too.
if [ "$STATUS" -eq 0 ] && [ -s "$REPLY/feedback.json" ]; then
    cp "$REPLY/htmlFeedback.html" "$SHARED/htmlFeedback.html" && cp "$REPLY/feedback.json" "$SHARED/feedback.json"
    STATUS=$?
else
    echo "grade.sh: no final grade (status $STATUS), so there is no feedback.json" >&2
    [ "$STATUS" -ne 0 ] || STATUS=1
fi
rm -rf "$REPLY"
exit "$STATUS"
