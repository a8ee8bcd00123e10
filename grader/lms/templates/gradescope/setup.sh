#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the autograder. Made for its Ubuntu images.
set -eu
SOURCE="${AUTOGRADER_FOLDER:-/autograder}/source/grader"
TARGET="${GRADER_FOLDER:-/opt/grader}"
export DEBIAN_FRONTEND=noninteractive
. "$SOURCE/settings.sh"

# Ubuntu 22.04 brings Python 3.10, which is too old. The version that the package was made with: from Ubuntu
# itself where it has it, else from the archive of Python versions that is kept for Ubuntu.
PYTHON="python${GRADER_PACKED_WITH%.*}"
if ! command -v "$PYTHON" > /dev/null || ! "$PYTHON" -c 'import ensurepip, venv' 2> /dev/null; then
    apt-get update -q
    if ! apt-get install -y -q "$PYTHON" "$PYTHON-venv"; then
        apt-get install -y -q software-properties-common
        add-apt-repository -y ppa:deadsnakes/ppa
        apt-get update -q
        apt-get install -y -q "$PYTHON" "$PYTHON-venv"
    fi
    apt-get clean
fi
GRADER_BASE="$PYTHON" bash "$SOURCE/install.sh" "$TARGET"

# The assignment's own solution, through the whole grader: what is computed once (expected answers, the teacher of
# short trainings) stays in the image, and an image in which nothing can be graded shows now and not to learners.
chmod 700 "$SOURCE"
REPLY="$(mktemp -d)"
GRADER_PYTHON="$TARGET/bin/python" GRADER_IN_SETUP=yes GRADER_SECONDS=1800 \
    bash "$SOURCE/run_one.sh" "$SOURCE/reference/$GRADER_ASSIGNMENT/solution_$GRADER_FRAMEWORK.py" gradescope "$REPLY" ||
    echo "setup.sh: grading the assignment's own solution failed; see above" >&2
"$TARGET/bin/python" - "$REPLY/results.json" << 'END'
import json, sys
told = json.load(open(sys.argv[1], encoding="utf-8"))
possible = sum(test["max_score"] for test in told["tests"])
print(f"setup.sh: the assignment's own solution gets {told.get('score')} of {possible} points")
if told.get("score") != possible:
    print("setup.sh: WRONG: it should get all of them; do not use this image before that is mended")
    print(json.dumps(told, ensure_ascii=False, indent=1))
END
rm -rf "$REPLY"
