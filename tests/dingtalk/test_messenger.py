"""Texts, pictures, files and downloads on a strict platform: limits, lists inside a 200, faults."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from bot.dingtalk.api import DingTalkMessenger
from bot.dingtalk.errors import WebhookExpired
from bot.dingtalk.parse import parse
from bot.platform_errors import (
    MediaGone,
    NotReachable,
    PlatformBusy,
    PlatformDown,
    QuotaExhausted,
    RateLimited,
    Refused,
)
from simulator.world import FaultKind
from tests.dingtalk.stand import PNG, last, stand


async def test_a_text_arrives_and_costs_one_call() -> None:
    async with stand() as held:
        result = await held.messenger.send_text("boss", "已收单 #SO260221-0137", retry=False)

        assert last(held, "boss").text == "已收单 #SO260221-0137"
        assert result.provider_id.startswith("pqk")
        assert result.unreachable == ()
        assert held.metered == ["api"]


async def test_a_repeated_text_says_that_it_is_one() -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "已出库", retry=True)

        assert last(held, "boss").text == "(重发) 已出库"


async def test_twenty_five_people_take_two_calls_and_the_missed_ones_are_named() -> None:
    async with stand() as held:
        people = ["boss", "tech1", *(f"gone{n}" for n in range(23))]

        result = await held.messenger.send_markdown(people, "波次 14A", "**12** 单", retry=False)

        assert len(held.calls("oToMessages/batchSend")) == 2
        assert result.unreachable == tuple(people[2:])
        assert last(held, "tech1").markdown == "**12** 单"


@pytest.mark.parametrize("listed", ["invalid_staff", "flow_controlled", "filtered_staff"])
async def test_a_person_who_is_only_on_a_list_inside_the_200_is_not_reached(listed: str) -> None:
    async with stand() as held:
        getattr(held.platform.site, listed).add("boss")

        with pytest.raises(NotReachable):
            await held.messenger.send_text("boss", "已出库", retry=False)

        assert held.platform.chat("boss") == []


async def test_a_very_long_text_is_cut_visibly() -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "件\n" * 9000, retry=False)

        assert last(held, "boss").text.endswith("…")


async def test_pictures_and_documents_arrive_with_their_chinese_names() -> None:
    async with stand() as held:
        await held.messenger.send_image("boss", PNG, "库位图.png")
        await held.messenger.send_file("boss", b"PK\x03\x04", "拣货单 W0221-14A.xlsx")

        picture, document = held.platform.chat("boss")
        assert picture.image == PNG
        assert document.filename == "拣货单 W0221-14A.xlsx"
        assert held.metered == ["api"] * 4


async def test_a_kind_of_file_the_platform_does_not_take_is_refused_before_any_call() -> None:
    async with stand() as held:
        with pytest.raises(Refused):
            await held.messenger.send_file("boss", b"a,b\n", "拣货单.csv")

        assert list(held.wire.entries) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (FaultKind.SERVER_ERROR, PlatformDown),
        (FaultKind.HTML_INSTEAD_OF_JSON, PlatformDown),
        (FaultKind.BUSY, PlatformBusy),
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.QUOTA_EXHAUSTED, QuotaExhausted),
        (FaultKind.ACCEPT_THEN_ABORT, PlatformDown),
    ],
)
async def test_each_fault_of_the_platform_becomes_its_class(fault: FaultKind, error: type[Exception]) -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "一", retry=False)
        held.faults.arm(fault)

        with pytest.raises(error):
            await held.messenger.send_text("boss", "二", retry=False)


async def test_an_answer_that_does_not_come_in_time_is_an_unknown_outcome() -> None:
    async with stand() as held:
        settings = dataclasses.replace(held.settings, call_timeout=0.05)
        hasty = DingTalkMessenger(settings, held.session, held.coordinator, held.clock)
        await held.messenger.send_text("boss", "一", retry=False)
        held.faults.arm(FaultKind.SLOW)

        with pytest.raises(PlatformDown):
            await hasty.send_text("boss", "二", retry=False)


async def test_a_refused_call_is_not_counted_a_carried_out_one_is() -> None:
    async with stand() as held:
        held.faults.arm(FaultKind.RATE_LIMITED)
        with pytest.raises(RateLimited) as caught:
            await held.messenger.send_text("boss", "一", retry=False)

        assert caught.value.retry_after == 1.0
        assert held.metered == []


async def test_a_full_limiter_refuses_before_the_call_and_says_when_to_come_back() -> None:
    async with stand() as held:
        settings = dataclasses.replace(held.settings, api_qps=0.2)
        slow = DingTalkMessenger(settings, held.session, held.coordinator, held.clock)
        await slow.send_text("boss", "一", retry=False)

        with pytest.raises(RateLimited) as caught:
            await slow.send_text("boss", "二", retry=False)

        assert caught.value.code == "throttled"
        assert caught.value.retry_after == pytest.approx(10, abs=1)
        assert len(held.calls("oToMessages/batchSend")) == 1


async def test_a_burst_of_sends_stays_under_the_limit_of_the_platform() -> None:
    async with stand() as held:
        results = await asyncio.gather(
            *(held.messenger.send_text("boss", f"{n}", retry=False) for n in range(40)),
            return_exceptions=True,
        )

        refused = [result for result in results if isinstance(result, BaseException)]
        assert all(isinstance(error, RateLimited) and error.code == "throttled" for error in refused)
        assert len(held.platform.chat("boss")) == 40 - len(refused) >= 10
        assert {entry.status for entry in held.calls("oToMessages/batchSend")} == {"200 ok"}


async def test_a_picture_somebody_sent_is_fetched_with_its_bytes() -> None:
    async with stand() as held:
        await held.connected()
        await held.platform.send_image("tech1", PNG)
        (media,) = parse(held.store.rows[0]).media

        data, name = await held.messenger.download(media.handle, kind=media.kind)

        assert data == PNG
        assert name == "photo.jpg"


async def test_an_unknown_download_code_and_an_expired_address_mean_that_it_is_gone() -> None:
    async with stand(download_life=0.0) as held:
        await held.connected()
        await held.platform.send_image("tech1", PNG)
        (media,) = parse(held.store.rows[0]).media

        with pytest.raises(MediaGone):
            await held.messenger.download("nonsense", kind="image")
        with pytest.raises(MediaGone):
            await held.messenger.download(media.handle, kind="image")


async def test_a_file_above_the_cap_is_not_read_to_its_end() -> None:
    async with stand() as held:
        await held.connected()
        await held.platform.send_file("tech1", bytes(200_000), filename="订单.xlsx")
        (media,) = parse(held.store.rows[0]).media
        settings = dataclasses.replace(held.settings, max_file=100_000)
        strict = DingTalkMessenger(settings, held.session, held.coordinator, held.clock)

        with pytest.raises(Refused, match="at most 100000"):
            await strict.download(media.handle, kind="file")


async def test_a_reply_in_the_chat_of_a_message_is_metered_as_a_stream_message_and_dies_with_time() -> None:
    async with stand() as held:
        await held.connected()
        await held.platform.say("tech1", "帮助")
        webhook = parse(held.store.rows[0]).extra["session_webhook"]

        await held.messenger.reply(webhook, "请发订单", at=["tech1"])
        held.clock.advance(timedelta(seconds=5401))
        with pytest.raises(WebhookExpired):
            await held.messenger.reply(webhook, "请发订单")

        assert last(held, "tech1").text == "@陈技术 请发订单"
        assert held.metered == ["stream", "stream"]
