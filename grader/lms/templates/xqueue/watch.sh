#!/usr/bin/env bash
# Grades what a queue of Open edX hands out, until SIGTERM. Everything from the environment, see xqueue.env:
#   XQUEUE_URL XQUEUE_QUEUE XQUEUE_USER XQUEUE_PASSWORD    needed
#   XQUEUE_MAX XQUEUE_WHOLE_POINTS XQUEUE_FILES_FROM XQUEUE_BASIC_AUTH GRADER_SECONDS GRADER_OPTIONS    if wanted
set -u
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/grader"
. "$HERE/settings.sh"
for NAME in XQUEUE_URL XQUEUE_QUEUE XQUEUE_USER XQUEUE_PASSWORD; do
    if [ -z "${!NAME:-}" ]; then
        echo "watch.sh: $NAME is not set" >&2
        exit 2
    fi
done
PYTHON="${GRADER_PYTHON:-}"
if [ -z "$PYTHON" ]; then
    PYTHON=python3
    [ -x /opt/grader/bin/python ] && PYTHON=/opt/grader/bin/python
fi
WORDS=(--url "$XQUEUE_URL" --queue "$XQUEUE_QUEUE" --user "$XQUEUE_USER" -a "$GRADER_ASSIGNMENT")
[ -z "${XQUEUE_MAX:-}" ] || WORDS+=(--max "$XQUEUE_MAX")
[ -z "${XQUEUE_WHOLE_POINTS:-}" ] || WORDS+=(--whole-points)
for HOST in ${XQUEUE_FILES_FROM:-}; do
    WORDS+=(--files-from "$HOST")
done

# The answers lie here; the sandbox keeps learners' programs out, and this is a second lock.
chmod 700 "$HERE" 2> /dev/null || true
cd "$HERE" || exit 2
export GRADER_ROOT="$HERE" PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONPATH="$HERE"
export LANG="${LANG:-C.UTF-8}"
unset GRADER_SECRET
exec "$PYTHON" -m grader.lms.xqueue_client "${WORDS[@]}" "$@"
