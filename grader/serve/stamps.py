"""When each score was sent, so that the next one for the same cell is always dated later."""

from __future__ import annotations

import math

from sqlalchemy import BigInteger, Column, Engine, ForeignKey, String, Table, case

from grader.serve.database import metadata
from grader.serve.platforms import insertion
from grader.serve.records import Platform

lti_stamps = Table(
    "lti_stamps",
    metadata,
    Column("platform", ForeignKey("platforms.id", ondelete="CASCADE"), primary_key=True),
    Column("lineitem", String(2000), primary_key=True),
    Column("user", String(255), primary_key=True),
    Column("stamp", BigInteger, nullable=False),  # whole seconds since 1970
)


class Stamps:
    """The last date that was given to a score, for every cell of every gradebook."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next(self, platform: Platform, lineitem: str, user: str, at_least: float) -> int:
        """The date for the next score: `at_least`, or a second after the last one, whichever is later.

        Platforms compare in whole seconds and refuse what is not later, so the dates are whole seconds. One
        statement, so that two threads or processes never get the same date.
        """
        stamp = math.floor(at_least)
        adding = insertion(self._engine)(lti_stamps).values(
            platform=platform.id, lineitem=lineitem, user=user, stamp=stamp
        )
        last, wanted = lti_stamps.c.stamp, adding.excluded.stamp
        adding = adding.on_conflict_do_update(
            index_elements=["platform", "lineitem", "user"],
            set_={"stamp": case((wanted > last, wanted), else_=last + 1)},
        ).returning(last)
        with self._engine.begin() as connection:
            return int(connection.execute(adding).scalar_one())
