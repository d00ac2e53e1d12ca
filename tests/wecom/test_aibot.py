"""Our client of the long connection against the strict bot: stored before a word is said, never two connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.files.refusals import FileRefused, RefusalReason
from bot.platform_errors import MediaGone, PlatformDown, Refused
from bot.wecom.aibot.client import AibotClient
from bot.wecom.aibot.media import AibotMedia, handle_of, open_sealed
from bot.wecom.aibot.parse import parse
from bot.wecom.aibot.settings import AibotSettings
from bot.wecom.aibot.shelf import Shelf
from core.clock import MovableClock
from core.errors import IngestUnavailable
from core.inbound import Inbound, RawInbound
from simulator.wecom.aibot_media import seal
from tests.simulator.aibot_stand import BOT, GROUP, SECRET, AibotStand, aibot_stand, until
from tests.wecom.stand import START

QUICK = AibotSettings(
    bot_id=BOT,
    secret=SECRET,
    ping_every=0.1,
    watchdog=0.6,
    open_timeout=2.0,
    answer_timeout=2.0,
    backoff_first=0.02,
    backoff_most=0.1,
    refused_wait=0.3,
    taken_over_wait=60.0,
    welcome_limit=1.0,
    store_patience=0.5,
    stop_grace=1.0,
    max_file=100_000,
)
"""The real patience scaled down, so that no test waits for it."""


@dataclass
class Desk:
    """The inbox and the sentences as the connection sees them."""

    rows: list[RawInbound] = field(default_factory=list)
    failing: int = 0
    calls: int = 0
    asked: list[str] = field(default_factory=list)
    ours: bool = True
    alarms: list[tuple[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def ingest(self, raw: RawInbound) -> int | None:
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failing:
            self.failing -= 1
            raise IngestUnavailable("no database")
        if any(row.dedupe_key == raw.dedupe_key for row in self.rows):
            return None
        self.rows.append(raw)
        return len(self.rows)

    async def greeting(self, account: str) -> str:
        return f"{account},你好"

    async def receipt(self, userid: str) -> str:
        self.asked.append(userid)
        return "看应用" if self.asked.count(userid) == 1 else "收到"

    def not_stored(self) -> str:
        return "请再发一次"

    async def confirm(self) -> bool:
        return self.ours

    async def alarm(self, trouble: str, code: str) -> None:
        self.alarms.append((trouble, code))

    def inbounds(self) -> list[Inbound]:
        return [parse(row) for row in self.rows]


@dataclass
class Held:
    stand: AibotStand
    desk: Desk
    client: AibotClient
    task: asyncio.Task[None]

    @property
    def gateway(self) -> Any:
        return self.stand.platform.aibot.gateway

    def said(self, user: str = "XiaoA") -> list[str]:
        return [message.markdown for message in self.stand.shown(user)]


@contextlib.asynccontextmanager
async def connected(*, settings: AibotSettings = QUICK, live: bool = True, clean: bool = True) -> AsyncIterator[Held]:
    async with aibot_stand(clean=clean) as stand:
        desk = Desk()
        client = AibotClient(
            replace(settings, url=stand.url),
            desk.ingest,
            desk,
            MovableClock(START),
            session=stand.session,
            ours=desk.confirm,
            alarm=desk.alarm,
        )
        task = asyncio.create_task(client.run())
        try:
            if live:
                async with asyncio.timeout(5):
                    await client.wait_live()
            yield Held(stand, desk, client, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_message_is_stored_first_and_only_its_first_copy_is_answered() -> None:
    async with connected() as held:
        held.desk.gate = asyncio.Event()
        msgid = await held.stand.platform.aibot.say("XiaoA", "K0231 04465-0K240 20个")
        await until(lambda: held.desk.calls == 1)
        assert held.said() == []

        held.desk.gate.set()
        await until(lambda: held.said() == ["看应用"])
        await held.stand.platform.aibot.redeliver(msgid)
        await held.stand.platform.aibot.say("XiaoA", "我的单")

        await until(lambda: held.said() == ["看应用", "收到"])
        assert [x.text for x in held.desk.inbounds()] == ["K0231 04465-0K240 20个", "我的单"]
        assert (held.desk.calls, held.desk.asked) == (3, ["XiaoA", "XiaoA"])


async def test_messages_of_one_chat_are_stored_in_their_order() -> None:
    async with connected() as held:
        held.stand.platform.aibot.most_open = 100
        for number in range(20):
            await held.stand.platform.aibot.say("XiaoA", str(number), group=GROUP.chatid)

        await until(lambda: len(held.desk.rows) == 20)
        assert [x.text for x in held.desk.inbounds()] == [str(number) for number in range(20)]


async def test_what_cannot_be_stored_is_tried_again_and_its_sender_is_asked_when_it_never_is() -> None:
    async with connected(settings=replace(QUICK, store_patience=1.2)) as held:
        held.desk.failing = 1
        await held.stand.platform.aibot.say("XiaoA", "一")
        await until(lambda: held.said() == ["看应用"])
        assert held.desk.calls == 2

        held.desk.failing = 1000
        await held.stand.platform.aibot.say("XiaoA", "二")
        await until(lambda: held.said() == ["看应用", "请再发一次"])
        assert [x.text for x in held.desk.inbounds()] == ["一"]


async def test_who_opens_the_chat_is_greeted_in_time_also_while_nothing_can_be_stored() -> None:
    async with connected() as held:
        held.desk.failing = 1000

        await held.stand.platform.aibot.enter("XiaoA")

        await until(lambda: held.said() == ["XiaoA,你好"])


async def test_events_without_a_meaning_are_stored_in_silence() -> None:
    async with connected() as held:
        await held.stand.platform.aibot.feed_back("XiaoA")

        await until(lambda: len(held.desk.rows) == 1)
        assert (held.desk.rows[0].kind, held.said()) == ("other", [])


@pytest.mark.parametrize("trouble", ["drop", "mute", "close_cleanly"])
async def test_a_connection_that_is_lost_or_half_open_is_replaced(trouble: str) -> None:
    async with connected() as held:
        before = held.gateway.live

        done = getattr(held.gateway, trouble)()
        if done is not None:
            await done

        await until(lambda: held.gateway.live not in (None, before) and held.gateway.live.state == "live")
        await held.stand.platform.aibot.say("XiaoA", "下单")
        await until(lambda: held.said() == ["看应用"])
        assert held.desk.alarms == []


async def test_a_wrong_secret_is_told_once_and_not_hammered() -> None:
    async with connected(settings=replace(QUICK, secret="wrong"), live=False) as held:
        await until(lambda: len(held.gateway._failures) == 2)

        assert held.desk.alarms == [("refused", "40001")]
        assert held.client.refused
        assert not held.client.live


async def test_a_foreign_connection_is_told_and_not_fought() -> None:
    async with connected() as held, held.stand.client() as foreign:
        await until(lambda: held.desk.alarms == [("taken_over", "")])

        await held.stand.platform.aibot.say("XiaoA", "下单")

        assert (await foreign.callback())["body"]["text"]["content"] == "下单"
        assert not held.client.live
        assert held.gateway.takeovers == 1
        assert not held.task.done()


async def test_a_replica_that_leads_by_now_ends_the_job_without_an_alarm() -> None:
    async with connected() as held:
        held.desk.ours = False
        async with held.stand.client():
            async with asyncio.timeout(5):
                await held.task

            assert held.desk.alarms == []
            assert not held.client.live


async def test_cancelling_stores_what_has_come_and_closes() -> None:
    async with connected() as held:
        held.desk.gate = asyncio.Event()
        await held.stand.platform.aibot.say("XiaoA", "下单")
        await until(lambda: held.desk.calls == 1)

        held.task.cancel()
        await asyncio.sleep(0)
        held.desk.gate.set()
        await asyncio.gather(held.task, return_exceptions=True)

        assert [x.text for x in held.desk.inbounds()] == ["下单"]
        assert not held.client.live
        await until(lambda: held.gateway.live is None)


async def test_stopping_while_nothing_can_be_stored_asks_the_sender_at_once() -> None:
    async with connected(settings=replace(QUICK, store_patience=60.0)) as held:
        held.desk.failing = 1000
        await held.stand.platform.aibot.say("XiaoA", "下单")
        await until(lambda: held.desk.calls)

        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)

        assert held.said() == ["请再发一次"]


# ---------------------------------------------------------------- media


async def test_pictures_and_files_are_opened_with_their_key_under_their_name() -> None:
    async with connected() as held:
        aibot = held.stand.platform.aibot
        await aibot.send_file("XiaoA", b"a,b\n1,2\n", filename="采购单 2 月.csv")
        await aibot.mix("boss", "看图", [b"one", b"two"], group=GROUP.chatid)
        await until(lambda: len(held.desk.rows) == 2)
        file, picture = held.desk.inbounds()
        media = AibotMedia(replace(QUICK, url=held.stand.url), held.stand.session)

        assert await media.download(file.media[0].handle, kind="file") == (b"a,b\n1,2\n", "采购单 2 月.csv")
        assert [(await media.download(m.handle, kind=m.kind))[0] for m in picture.media] == [b"one", b"two"]

        held.stand.clock.move(minutes=5)
        with pytest.raises(MediaGone):
            await media.download(file.media[0].handle, kind="file")


async def test_what_comes_is_fetched_ahead_so_that_an_outage_longer_than_its_address_loses_no_picture(
    tmp_path: Path,
) -> None:
    async with connected(settings=replace(QUICK, shelf=tmp_path / "aibot")) as held:
        await held.stand.platform.aibot.send_file("XiaoA", b"a,b\n1,2\n", filename="采购单.csv")
        await until(lambda: [file for file in tmp_path.glob("aibot/*") if not file.suffix])
        handle = held.desk.inbounds()[0].media[0].handle
        held.stand.clock.move(minutes=6)

        media = AibotMedia(replace(QUICK, url=held.stand.url, shelf=tmp_path / "aibot"), held.stand.session)

        assert await media.download(handle, kind="file") == (b"a,b\n1,2\n", "采购单.csv")


async def test_the_shelf_makes_room_for_the_newest(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, most_bytes=250)
    for nth, name in enumerate(("one", "two", "three")):
        await shelf.put(name, bytes(100), "x")
        os.utime(shelf._place(name), ns=(nth, nth))

    assert [await shelf.get(name) is not None for name in ("one", "two", "three")] == [False, True, True]
    assert await shelf.get("never") is None


async def test_too_large_is_refused_with_and_without_a_length() -> None:
    async with connected() as held:
        await held.stand.platform.aibot.send_file("XiaoA", bytes(QUICK.max_file + 1), filename="x.csv")
        await until(lambda: held.desk.rows)
        media = AibotMedia(replace(QUICK, url=held.stand.url), held.stand.session)
        with pytest.raises(FileRefused) as refused:
            await media.download(held.desk.inbounds()[0].media[0].handle, kind="file")
        assert refused.value.reason is RefusalReason.TOO_MANY_BYTES

        async def endless(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(bytes(64 * 1024))
            return response

        async def elsewhere(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": "https://example.com/"})

        other = web.Application()
        other.add_routes([web.get("/endless", endless), web.get("/elsewhere", elsewhere)])
        async with TestServer(other) as server:
            with pytest.raises(FileRefused):
                await media.download(handle_of(str(server.make_url("/endless")), "k"), kind="file")
            with pytest.raises(PlatformDown, match="302"):
                await media.download(handle_of(str(server.make_url("/elsewhere")), "k"), kind="file")


@pytest.mark.parametrize(
    "url",
    [
        "http://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a",
        "https://attacker-125.cos.ap-guangzhou.myqcloud.com/a",
        "https://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com.example.com/a",
        "https://user@ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a",
        "https://127.0.0.1/a",
        "http://169.254.0.47/latest",
        "file:///etc/passwd",
        "",
    ],
)
async def test_other_hosts_are_not_asked(url: str) -> None:
    async with aibot_stand() as stand:
        media = AibotMedia(QUICK, stand.session)
        with pytest.raises(Refused):
            await media.download(handle_of(url, "k"), kind="image")


def test_the_hosts_of_wecoms_store_are_allowed_and_loopback_only_beside_a_local_platform() -> None:
    known = "https://WW-aibot-img-1258476243.cos.ap-shanghai.myqcloud.com/a?sign=b"

    assert QUICK.may_fetch(known)
    assert not QUICK.may_fetch("http://127.0.0.1:8900/aibot/media/x")
    assert replace(QUICK, url="ws://127.0.0.1:8900/aibot/ws").may_fetch("http://127.0.0.1:8900/aibot/media/x")


KEY = bytes(range(32))
AESKEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000])
def test_what_was_sealed_opens_with_and_without_the_padding_of_the_key(size: int) -> None:
    data = bytes(size)

    assert open_sealed(seal(data, KEY), AESKEY) == data
    assert open_sealed(seal(data, KEY), AESKEY.rstrip("=")) == data


@pytest.mark.parametrize(
    ("sealed", "aeskey"),
    [
        (seal(b"x", KEY), ""),
        (seal(b"x", KEY), "AAEC"),
        (seal(b"x", KEY), "钥匙"),
        (seal(b"x", KEY), "//" + AESKEY[2:]),
        (seal(b"x", KEY)[:-1], AESKEY),
        (b"", AESKEY),
        (bytes(64), AESKEY),
    ],
)
def test_what_does_not_open_is_a_broken_file(sealed: bytes, aeskey: str) -> None:
    with pytest.raises(FileRefused) as refused:
        open_sealed(sealed, aeskey)
    assert refused.value.reason is RefusalReason.BROKEN


def test_a_secret_is_in_no_text_form() -> None:
    assert SECRET not in repr(QUICK)
