"""The parent and its worker under callbacks: crashed, hung, renewed, ended (reliability section 4, R5, R13)."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bot.app import DatabaseInUse
from bot.serving import predecessor_gone
from bot.settings import load
from cluster.processes import children, tree
from storage.database import SqlDatabase
from tests.cluster.conftest import Shop
from tests.cluster.load import Load, until


async def test_a_killed_worker_lets_no_callback_be_refused_and_loses_none(shop: Shop) -> None:
    load_ = Load(shop.simulator)
    load_.start()
    await load_.answered(60)

    for _ in range(3):
        dead = shop.replica.kill_worker()
        await until(lambda dead=dead: shop.replica.worker not in (None, dead))  # type: ignore[misc]
        await load_.answered(60)
    await load_.stop()

    assert not [status for status in load_.errors if "Connector" in status]
    assert shop.simulator.wecom.given_up == []
    assert await shop.replica.terminate() == 0
    assert await shop.stored_events() == load_.sent


async def test_a_renewed_worker_answers_every_callback_at_the_first_try(shop: Shop) -> None:
    load_ = Load(shop.simulator)
    load_.start()
    await load_.answered(60)
    before = shop.replica.worker

    shop.replica.reload()
    await until(lambda: before not in children(shop.replica.pid))
    await load_.answered(120)
    await load_.stop()

    assert shop.replica.worker not in (None, before)
    assert load_.errors == {}
    assert await shop.replica.terminate() == 0
    assert await shop.stored_events() == load_.sent


async def test_a_hung_worker_is_replaced(shop: Shop) -> None:
    hung = shop.replica.freeze()

    await until(lambda: shop.replica.worker not in (None, hung), timeout=25)
    await shop.replica.wait_ready(sockets=1)

    assert await shop.replica.terminate() == 0


async def test_sigterm_and_ctrl_c_end_everything_in_good_order(shop: Shop) -> None:
    everything = tree(shop.replica.pid)
    began = time.monotonic()

    assert await shop.replica.terminate() == 0

    assert time.monotonic() - began < 10
    assert not any(alive(pid) for pid in everything)
    await shop.replica.start()
    await shop.replica.wait_ready()
    os.killpg(shop.replica.pid, signal.SIGINT)
    assert await shop.replica.ended() == 0
    assert "Task was destroyed" not in shop.replica.log.read_text()


async def test_a_reading_child_dies_with_its_worker_and_never_holds_the_socket(shop: Shop, photo: bytes) -> None:
    await shop.simulator.wecom.send_image("xiaoshou_a", photo)
    worker = shop.replica.worker
    assert worker is not None
    await until(lambda: children(worker))
    (reader,) = children(worker)

    inherited = sockets(reader)
    shop.replica.kill_worker()

    assert sockets(shop.replica.pid)
    assert inherited.isdisjoint(sockets(shop.replica.pid))
    await until(lambda: not alive(reader))


def sockets(pid: int) -> set[str]:
    """The sockets a process has open, as the kernel names them."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed while we looked
            found.add(os.readlink(fd))
    return {link for link in found if link.startswith("socket:")}


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_file_that_another_bot_holds_on_to_is_said_to_be_so(folder: Path) -> None:
    url = f"sqlite+aiosqlite:///{folder / 'jiedan.db'}"
    holder = SqlDatabase(url)

    with pytest.raises(DatabaseInUse):
        await predecessor_gone(load(None, database_url=url), within=0.2)

    await holder.close()
    bot = await predecessor_gone(load(None, database_url=url), within=0.2)
    await bot.database.close()
