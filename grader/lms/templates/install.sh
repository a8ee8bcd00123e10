#!/usr/bin/env bash
# Makes the interpreter that run_one.sh uses, once, when a container's image is built:  install.sh [FOLDER]
#   FOLDER          where to (default: /opt/grader); others must be able to read it, so not beside the answers
#   GRADER_BASE     a Python 3.11 or newer that is there already (default: the newest that is found)
set -eu
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$HERE/settings.sh"
TARGET="${1:-/opt/grader}"
GOOD='import sys; sys.exit(not (3, 11) <= sys.version_info[:2])'

BASE="${GRADER_BASE:-}"
if [ -z "$BASE" ]; then
    for name in "python${GRADER_PACKED_WITH%.*}" python3.13 python3.12 python3.11 python3; do
        if command -v "$name" > /dev/null && "$name" -c "$GOOD" && "$name" -c 'import ensurepip, venv' 2> /dev/null; then
            BASE="$name"
            break
        fi
    done
fi
if [ -z "$BASE" ]; then
    echo "grader: needs Python 3.11 or newer with its venv module; none was found" >&2
    exit 1
fi

"$BASE" -m venv "$TARGET"
"$TARGET/bin/python" -m pip install --no-cache-dir --disable-pip-version-check -q \
    -r "$HERE/requirements.txt" -c "$HERE/constraints.txt"
chmod -R a+rX "$TARGET"
