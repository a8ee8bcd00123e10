#!/usr/bin/env bash
# The step of the workflow: the public cases of the notebook in this repository, as a `result` for the reporter.
set -u
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
REPOSITORY="${GITHUB_WORKSPACE:-$PWD}"
REPLY="$(mktemp -d)"

# Between these two lines the runner obeys nothing that is printed.
STOP="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
echo "::stop-commands::$STOP"
(
    cd "$HERE" || exit
    export GRADER_ROOT="$HERE" PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONPATH="$HERE"
    timeout "${GRADER_SECONDS:-900}" "${GRADER_PYTHON:-python3}" -m grader.commands.public \
        "$REPOSITORY" github-classroom "$REPLY" < /dev/null
)
echo "::$STOP::"

if [ ! -s "$REPLY/github-output" ]; then
    MESSAGE="The grader could not start, so nothing was sent to GitHub Classroom. Please tell your instructor."
    RESULT="$(printf '{"version": 1, "status": "error", "max_score": 0, "tests": [{"name": "grader", "status": "error", "score": 0, "message": "%s", "test_code": "", "filename": "", "line_no": 0, "duration": 0}]}' "$MESSAGE" | base64 | tr -d '\n')"
    echo "result=$RESULT" > "$REPLY/github-output"
fi
cat "$REPLY/github-output" >> "$GITHUB_OUTPUT"
