"""The access token on a strict platform: one refresh, one replay, no hammering."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.platform_errors import (
    TokenRejected,
)
from simulator.world import FaultKind
from tests.dingtalk.stand import PNG, last, stand


async def test_a_token_revoked_early_costs_one_refresh_and_one_replay() -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "一", retry=False)
        held.faults.arm(FaultKind.TOKEN_EXPIRED)

        await held.messenger.send_text("boss", "二", retry=False)

        assert [message.text for message in held.platform.chat("boss")] == ["一", "二"]
        assert len(held.calls("oauth2/accessToken")) == 2


async def test_a_token_refused_again_right_after_the_refresh_is_not_tried_a_third_time() -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "一", retry=False)
        held.faults.arm(FaultKind.TOKEN_EXPIRED, times=2)

        with pytest.raises(TokenRejected):
            await held.messenger.send_text("boss", "二", retry=False)

        assert len(held.calls("oToMessages/batchSend")) == 3


async def test_the_old_api_refreshes_its_token_as_well() -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "一", retry=False)
        held.platform.site.tokens.revoke()

        await held.messenger.send_image("boss", PNG, "map.png")

        assert last(held, "boss").image == PNG


async def test_fifty_sends_at_once_fetch_one_token() -> None:
    async with stand(api_qps=1000) as held:
        await asyncio.gather(*(held.messenger.send_text("boss", f"{n}", retry=False) for n in range(50)))

        assert len(held.calls("oauth2/accessToken")) == 1


async def test_the_token_is_renewed_before_its_life_ends() -> None:
    async with stand() as held:
        await held.messenger.send_text("boss", "一", retry=False)
        held.clock.advance(timedelta(seconds=7200 * 0.79))
        await held.messenger.send_text("boss", "二", retry=False)
        assert len(held.calls("oauth2/accessToken")) == 1

        held.clock.advance(timedelta(seconds=7200 * 0.12))
        await held.messenger.send_text("boss", "三", retry=False)

        assert len(held.calls("oauth2/accessToken")) == 2


async def test_a_wrong_secret_is_asked_about_once_a_minute() -> None:
    async with stand(secret="wrong") as held:
        for _ in range(5):
            with pytest.raises(TokenRejected):
                await held.messenger.send_text("boss", "一", retry=False)
        assert len(held.calls("oauth2/accessToken")) == 1

        held.clock.advance(timedelta(seconds=61))
        with pytest.raises(TokenRejected):
            await held.messenger.send_text("boss", "一", retry=False)

        assert len(held.calls("oauth2/accessToken")) == 2
        assert held.metered == []
