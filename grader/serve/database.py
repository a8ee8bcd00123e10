"""The one database: SQLite in a file, or whatever SQLAlchemy's URL names. Tables stand with what uses them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

metadata = MetaData()
BUSY_S = 30.0  # a writer waits for another one


def open_database(url: str) -> Engine:
    """Connect, and make the tables that there are not yet. Every module with tables must be imported before."""
    if _sqlite(url):
        _keep_private(url)
    engine = create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and parameters are keys and learners' notebooks
        connect_args={"timeout": BUSY_S} if _sqlite(url) else {},
    )
    if _sqlite(url):
        event.listen(engine, "connect", _prepare)
    _make_tables(engine)
    return engine


def _make_tables(engine: Engine) -> None:
    """Also where several processes start at once: one that is late finds a table made between look and make."""
    for _ in metadata.sorted_tables:  # each collision is a table that there is now
        with suppress(SQLAlchemyError):
            metadata.create_all(engine)
            return
    metadata.create_all(engine)  # it was something else


def now() -> float:
    """Seconds since 1970, as every time in the database."""
    return time.time()


def _sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def _keep_private(url: str) -> None:
    """A new file is for its owner alone, and so are those that SQLite puts beside it: this tool's key is in it."""
    path = make_url(url).database
    if path and path != ":memory:":
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
