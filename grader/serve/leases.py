"""Work that is in the database: taken by one process at a time, and taken over when that process is dead.

Who has a piece of work renews its `beat`. When the beat is older than the lease, the work is free again, and what
the old owner may still write is refused, because its `claim` is not there any more.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Row, Table, and_, select, update
from sqlalchemy.exc import SQLAlchemyError

from grader.serve.database import now
from grader.serve.tables import Status

LEASE_S = 30.0  # of a process that died, until another one takes over


@dataclass(frozen=True)
class Claimed:
    """A piece of work that is ours: its row as it was before, and our claim."""

    row: Row[Any]
    claim: str


class Leases:
    """The claims of this process on rows of one table. Use in `with`: a thread keeps them fresh."""

    def __init__(self, engine: Engine, table: Table, key: Column[Any], lease_s: float = LEASE_S) -> None:
        self._engine, self._table, self._key, self._lease_s = engine, table, key, lease_s
        self._held: set[str] = set()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"beat of {table.name}", daemon=True)

    def __enter__(self) -> Leases:
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._heart.join()

    def take(self, ready: ColumnElement[bool], values: Mapping[str, Any]) -> Claimed | None:
        """Claim the work that is due first; None when there is none. `values` are set with the claim."""
        table = self._table
        due = and_(table.c.status == Status.WAITING, table.c.due <= now(), ready)
        first = select(table).where(due).order_by(table.c.due, self._key).limit(1)
        while True:
            with self._engine.connect() as connection:
                row = connection.execute(first).first()
            if row is None:
                return None
            claim = secrets.token_hex(16)
            mine = and_(self._key == row._mapping[self._key], due)
            taking = update(table).where(mine).values(status=Status.WORKING, claim=claim, beat=now(), **values)
            with self._lock:  # before the row says so: never without a beat
                self._held.add(claim)
            try:
                with self._engine.begin() as connection:
                    taken = connection.execute(taking).rowcount == 1
            except BaseException:
                self._drop(claim)
                raise
            if taken:
                return Claimed(row, claim)
            self._drop(claim)  # another one was quicker: look again

    @contextmanager
    def holding(self, claimed: Claimed) -> Iterator[None]:
        """Keep the claim fresh until the end, whatever the end is."""
        try:
            yield
        finally:
            self._drop(claimed.claim)

    def put(self, claimed: Claimed, values: Mapping[str, Any]) -> bool:
        """Change the row and give the claim up. False, and nothing changed, when it is not ours any more."""
        mine = and_(self._table.c.claim == claimed.claim, self._table.c.status == Status.WORKING)
        with self._engine.begin() as connection:
            changed = connection.execute(update(self._table).where(mine).values(claim="", **values))
        return changed.rowcount == 1

    def free_abandoned(self) -> int:
        """Make the work of dead processes due again. Returns how much it was."""
        table = self._table
        dead = and_(table.c.status == Status.WORKING, table.c.beat < now() - self._lease_s)
        again = update(table).where(dead).values(status=Status.WAITING, claim="", due=now())
        with self._engine.connect() as connection:  # mostly there is none, and looking locks nothing
            if connection.execute(select(self._key).where(dead).limit(1)).first() is None:
                return 0
        with self._engine.begin() as connection:
            return connection.execute(again).rowcount

    def _drop(self, claim: str) -> None:
        with self._lock:
            self._held.discard(claim)

    def _beat(self) -> None:
        while not self._over.wait(self._lease_s / 4):
            with self._lock:
                held = list(self._held)
            if not held:
                continue
            ours = and_(self._table.c.claim.in_(held), self._table.c.status == Status.WORKING)
            try:
                with self._engine.begin() as connection:
                    connection.execute(update(self._table).where(ours).values(beat=now()))
            except SQLAlchemyError:
                _LOG.warning("the database does not answer; claims may be lost", exc_info=True)


_LOG = logging.getLogger(__name__)
