"""serve.yaml -> Settings. Every fault is told with its path; a key that there is not is one."""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from grader.serve.records import Platform
from grader.yamlfile import (
    Node,
    choice,
    fault,
    fields,
    flag,
    integer,
    items,
    number,
    raise_faults,
    read_yaml,
    text,
)  # fmt: skip

FILE = "serve.yaml"
DATABASE = "GRADER_DATABASE"  # the environment variable: a URL with a password does not belong into a file
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MB = 2**20
REQUIRED = ("url", "root", "assignments")


@dataclass(frozen=True)
class Limits:
    """What keeps one learner from taking everything."""

    upload_mb: int = 10
    uploads_per_minute: int = 10  # of one person
    waiting: int = 3  # attempts of one person that are not graded yet
    session_hours: float = 8.0
    tries: int = 6  # of grading one notebook, until an instructor must look


@dataclass(frozen=True)
class Settings:
    """How to serve."""

    url: str  # where browsers reach it: https://grader.example.edu
    root: Path  # with assignments/, reference/, rubric.yaml
    database: str  # as SQLAlchemy writes it
    assignments: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    secret: Path | None = None  # what hidden cases are drawn from; None: .grader/secret below `root`
    jobs: int | None = None  # notebooks graded at a time; None: as many as cores and memory allow
    train: bool = True
    execute: bool | None = None  # run whole notebooks; None: as the rubric says
    device: str = "auto"
    data: Path | None = None  # training images
    timezone: str = "UTC"  # of deadlines and of every time that is shown
    frames: tuple[str, ...] = ()  # further sites that may show the pages in a frame
    limits: Limits = field(default_factory=Limits)
    platforms: tuple[tuple[Platform, tuple[str, ...]], ...] = ()  # that cannot register themselves; deployments

    @property
    def secure(self) -> bool:
        """Whether browsers come over https."""
        return self.url.startswith("https:")

    @property
    def upload_bytes(self) -> int:
        """The largest notebook."""
        return self.limits.upload_mb * MB


def read_settings(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the file. Paths in it are relative to its folder. Raises ConfigError."""
    top = read_yaml(path)
    known = [name for name in (*_READERS, "listen") if name not in REQUIRED]
    found = fields(top, REQUIRED, known)
    here = path.resolve().parent
    settings: dict[str, Any] = {
        "url": "",
        "root": here,
        "assignments": (),
        "database": environ.get(DATABASE) or f"sqlite:///{here / 'serve.sqlite'}",
    }
    for name, node in found.items():
        if name == "listen":
            settings["host"], settings["port"] = _listen(node)
        elif not (name == "database" and environ.get(DATABASE)):
            settings[name] = _READERS[name](node, here)
    raise_faults(top)
    return Settings(**settings)


def _url(node: Node, _: Path) -> str:
    parts = urlsplit(text(node))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        fault(node, "must be the address that browsers use, https://grader.example.edu")
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        fault(node, "must begin with https: learning systems show nothing else, and grades would travel openly")
    elif parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        fault(node, "must be a host of its own without a path; sessions of other pages there could be mixed up")
    return f"{parts.scheme}://{parts.netloc}"


def _listen(node: Node) -> tuple[str, int]:
    host, _, port = text(node).rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:
        fault(node, "must be ADDRESS:PORT, like 127.0.0.1:8080")
        return "", 0
    return host.strip("[]"), int(port)


def _database(node: Node, here: Path) -> str:
    url, lite = text(node), "sqlite:///"
    if "://" not in url:
        fault(node, "must be a URL: sqlite:///serve.sqlite, or postgresql+psycopg://user@host/name")
    return lite + str(here / url.removeprefix(lite)) if url.startswith(lite) else url


def _path(node: Node, here: Path) -> Path:
    return here / Path(text(node)).expanduser()


def _existing(node: Node, here: Path) -> Path:
    path = _path(node, here)
    if not path.exists():
        fault(node, f"{path} does not exist")
    return path


def _texts(node: Node, _: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text(item) for item in items(node)))


def _assignments(node: Node, here: Path) -> tuple[str, ...]:
    slugs = _texts(node, here)
    if not slugs:
        fault(node, "must name at least one folder of assignments/")
    return slugs


def _origins(node: Node, here: Path) -> tuple[str, ...]:
    for item in items(node):
        parts = urlsplit(text(item))
        if not parts.hostname or not parts.scheme or item.value != f"{parts.scheme}://{parts.netloc}":
            fault(item, "must be a site: https://school.example.edu, without a path")
        elif not set(item.value) <= _ORIGIN:
            fault(item, "has characters that no site's address has")
    return _texts(node, here)


_ORIGIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-[]")


def _platforms(node: Node, here: Path) -> tuple[tuple[Platform, tuple[str, ...]], ...]:
    found = []
    for item in items(node):
        needed = ("issuer", "client_id", "login_url", "token_url", "keys_url", "deployments")
        given = fields(item, needed, ("audience", "name"))
        texts = {name: text(value) for name, value in given.items() if name != "deployments"}
        if len(given) >= len(needed) and set(needed) <= set(given):
            found.append((Platform(0, **texts), _texts(given["deployments"], here)))
    return tuple(found)


def _timezone(node: Node, _: Path) -> str:
    name = text(node)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        fault(node, f"there is no time zone {name!r}; use a name like Asia/Seoul or Europe/Berlin")
    return name


def _limits(node: Node, _: Path) -> Limits:
    found = fields(node, (), tuple(Limits.__dataclass_fields__))
    bounds = {"upload_mb": 64, "uploads_per_minute": 1000, "waiting": 100, "tries": 100}
    given: dict[str, Any] = {name: integer(found[name], 1, most) for name, most in bounds.items() if name in found}
    if "session_hours" in found:
        given["session_hours"] = number(found["session_hours"], 0.1, 72)
    return Limits(**given)


_READERS: Mapping[str, Callable[[Node, Path], Any]] = {
    "url": _url,
    "root": _existing,
    "assignments": _assignments,
    "database": _database,
    "secret": _existing,
    "jobs": lambda node, _: integer(node, 1, 1024),
    "train": lambda node, _: flag(node),
    "execute": lambda node, _: flag(node),
    "device": lambda node, _: choice(node, ("auto", "cpu", "gpu")),
    "data": _existing,
    "timezone": _timezone,
    "frames": _origins,
    "platforms": _platforms,
    "limits": _limits,
}
