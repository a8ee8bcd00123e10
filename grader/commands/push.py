"""`grader push`: sends the grades and feedback of a class to a learning system.

What all systems share: who gets what is shown first, sent one by one, written down as it is sent, and read back.
A system's module makes a `Plan`; `carry_out` does the rest.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import track

from grader.commands import MEND, NOT_FINAL, OK
from grader.commands.export import table
from grader.commands.grade import say
from grader.commands.sent import Sent
from grader.intake import UsageError
from grader.lms.records import Change, Marks, Refused


@dataclass(frozen=True)
class Item:
    """What one learner or team is to get.

    `send` is told whether an earlier run may have sent it already (it was stopped in the middle); it raises
    Refused where this one is not taken, and whatever ends the whole run where nothing more will be.
    """

    key: str  # who it is over there; the same in every run
    who: str
    digest: str  # of everything that would be sent
    changes: tuple[Change, ...]
    send: Callable[[bool], None]


@dataclass(frozen=True)
class Plan:
    """Everything that a run would send to one assignment of one site."""

    place: str  # site and assignment; what was sent elsewhere does not count
    items: tuple[Item, ...]
    read_back: Callable[[Sequence[Item]], Mapping[str, str]]  # Item.key -> what is wrong over there
    untouched: tuple[Change, ...] = ()  # people who get nothing, with the reason as the note
    told: tuple[str, ...] = ()
    stands: Callable[[Item], bool] = field(default=lambda _item: True)  # whether it is still there as sent


def run(args: argparse.Namespace) -> int:
    """Send, or only show what would be sent. Returns the exit code."""
    match args.system:
        case "moodle":
            from grader.commands import push_moodle

            return push_moodle.push(args)
        case _:
            from grader.commands import push_canvas

            return push_canvas.push(args)


def token(name: str) -> str:
    """The access token in an environment variable. It is never printed. Raises UsageError."""
    found = os.environ.get(name, "").strip()
    if not found:
        raise UsageError(f"needs an access token in the environment: {name}=... grader push ...")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise UsageError(f"{name}: is no access token (spaces or strange characters in it)")
    return found


def site(url: str) -> str:
    """The address of a site, without a slash at its end. Raises UsageError.

    A token is sent with every request, so only encrypted, or to this machine itself.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"--url {url}: should look like https://lms.example.edu")
    if parts.username or parts.password:
        raise UsageError("--url: no name or password in it; the token in the environment is all that is needed")
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise UsageError(f"--url {url}: would send the access token unencrypted; use https://")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def log_of(args: argparse.Namespace, place: str) -> Sent:
    """What was sent from this folder to that place. Use it in `with`."""
    out: Path = args.out
    return Sent(out / "push" / f"{args.system}.jsonl", place)


def carry_out(plan: Plan, marks: Marks, args: argparse.Namespace) -> int:
    """Show the plan or send it; then read back. Returns the exit code."""
    with log_of(args, plan.place) as sent:
        rest = [item for item in plan.items if not (sent.has(item.key, item.digest) and plan.stands(item))]
        done = len(plan.items) - len(rest)
        changes = (*(change for item in rest for change in item.changes), *plan.untouched)
        if changes and not args.json:
            Console().print(table(changes))
        for sentence in plan.told:
            say(sentence)
        if done:
            say(f"{done} of {len(plan.items)} were sent before, unchanged since: not sent again")
        wrong: dict[str, str] = {}
        if args.apply:
            wrong = _send(rest, sent)
            taken = [item for item in rest if item.key not in wrong]
            wrong |= plan.read_back(taken)
            for item in taken:
                if item.key in wrong:
                    sent.forget(item.key)
    names = {item.key: item.who for item in plan.items}
    if args.json:
        told = {"changes": [asdict(change) for change in changes], "told": plan.told, "sent": bool(args.apply)}
        problems = {names.get(key, key): why for key, why in wrong.items()}
        print(json.dumps({**told, "already": done, "problems": problems}, ensure_ascii=False, indent=1))
    for key, why in wrong.items():
        say(f"{names.get(key, key)}: {why}")
    if not rest:
        say("there is nothing to send")
    elif args.apply:
        amiss = f", {len(wrong)} not as they should be" if wrong else ""
        say(f"{len(rest) - len(wrong)} of {len(rest)} sent and read back{amiss}")
    else:
        say(f"nothing was sent; --apply sends this to {len(rest)} of them")
    return _exit_code(wrong, marks)


def _send(items: Sequence[Item], sent: Sent) -> dict[str, str]:
    """Send each. Returns what was not taken, and why. What was sent before an interruption is written down."""
    wrong: dict[str, str] = {}
    done = 0
    try:
        with_bar = track(items, "sending", console=Console(stderr=True), transient=True,
                         disable=not sys.stderr.isatty())  # fmt: skip
        for item in with_bar:
            unsure = sent.begin(item.key, item.digest)
            try:
                item.send(unsure)
            except Refused as refused:
                wrong[item.key] = str(refused)
                sent.forget(item.key)
            else:
                sent.finish(item.key, item.digest)
            done += 1
    except BaseException:  # Ctrl-C, or a site that has gone away
        say(f"stopped; {done - len(wrong)} of {len(items)} are sent: the same command sends the rest")
        raise
    return wrong


def _exit_code(wrong: Mapping[str, str], marks: Marks) -> int:
    waiting = [mark.id for mark in marks.marks if not mark.final]
    if waiting:
        say("not final, so not sent as a grade: " + ", ".join(waiting))
    if wrong:
        return MEND
    return NOT_FINAL if waiting else OK
