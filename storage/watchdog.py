"""A connection whose other side has fallen silent is cut, so that whoever waits on it hears of it.

A server that is frozen, or a network that swallows packets, answers neither with data nor with an error, and a driver
call must not be cancelled in mid-flight (SQLAlchemy #13241). Cutting the connection looks to the driver as if the
network had done it: the call fails, the pool opens a new connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

PATIENT = "patient"
"""Execution option of a connection that may be silent as long as it likes: a migration that waits for its turn."""
_TIMER = "jiedan_silence"


def cut_silent_connections(engine: AsyncEngine, *, after: float) -> Callable[[], None]:
    """Cut a connection that has not answered a statement, commit or rollback for ``after`` real seconds.

    Longer than the server's own ``statement_timeout``: a server that lives answers before that. Returns what cuts all
    that are waiting for an answer at once, for a process that must end.
    """
    watched = engine.sync_engine
    waiting: dict[int, Any] = {}

    def disarm(info: Any) -> None:
        waiting.pop(id(info), None)
        timer = info.pop(_TIMER, None)
        if timer is not None:
            timer.cancel()

    def cut_all() -> None:
        for driver in list(waiting.values()):
            driver.terminate()

    def armed(connection: Connection) -> None:
        if connection.invalidated:
            return  # gone already; asking it for anything would open a new one
        info = connection.info
        disarm(info)
        driver = connection.connection.driver_connection
        waiting[id(info)] = driver
        if not connection.get_execution_options().get(PATIENT):
            info[_TIMER] = asyncio.get_running_loop().call_later(after, _cut, driver, after)

    def before_cursor_execute(connection: Connection, *_: Any) -> None:
        armed(connection)

    def after_cursor_execute(connection: Connection, *_: Any) -> None:
        if not connection.invalidated:
            disarm(connection.info)

    def checkin(_: Any, record: Any) -> None:
        disarm(record.info)

    event.listen(watched, "before_cursor_execute", before_cursor_execute)
    event.listen(watched, "after_cursor_execute", after_cursor_execute)
    event.listen(watched, "commit", armed)
    event.listen(watched, "rollback", armed)
    event.listen(watched, "checkin", checkin)
    event.listen(watched, "invalidate", lambda _connection, record, _error: disarm(record.info))
    return cut_all


def _cut(driver: Any, after: float) -> None:
    log.warning("a database connection was silent for %g s and is cut", after)
    driver.terminate()
