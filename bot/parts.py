"""How the larger parts of a bot are made, each from what the composition root holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import wiring
from bot.aibot_line import AibotLine
from bot.auditor import Auditor
from bot.card_sending import CardSender
from bot.dingtalk.api import DingTalkMessenger
from bot.dingtalk.stream import StreamClient
from bot.heartbeat import Heartbeat
from bot.presses import PressAnswers
from bot.trace_check import TraceWatch
from bot.wecom.aibot.media import AibotMedia
from bot.wecom.api import WeComMessenger
from bot.write_probe import WriteProbe
from core.inbound import RawInbound
from core.people import PlatformName
from core.ports import Messenger
from storage.probe import probe_database

if TYPE_CHECKING:
    from bot.app import Bot


def auditor(bot: Bot) -> Auditor:
    """Looks whether every obligation has its timer and the trace is whole."""
    x = bot.settings
    return Auditor(
        database=bot.database,
        coordinator=bot.coordinator,
        clock=bot.clock,
        desks=bot.desks,
        metrics=bot.metrics,
        watch=TraceWatch(bot.database, bot.clock, anchor_file=bot.anchor_file),
        heartbeat=Heartbeat(bot.session, bot.clock, url=x.heartbeat_url, interval=x.heartbeat_seconds),
        replica=bot.owner,
        folder=Path(x.files_dir).parent,
        alone=bot.database.single_instance,
    )


def messengers(bot: Bot) -> Mapping[PlatformName, Messenger]:
    """The platforms that are switched on, each with its way to send."""
    found: dict[PlatformName, Messenger] = {}
    if bot.settings.wecom.enabled:
        found[PlatformName.WECOM] = WeComMessenger(
            wiring.wecom_app(bot.settings),
            bot.session,
            bot.coordinator,
            bot.clock,
            aibot=AibotMedia(wiring.aibot_of(bot.settings, bot.aibot_settings), bot.session),
            breakers=bot.breakers,
        )
    if bot.settings.dingtalk.enabled:
        found[PlatformName.DINGTALK] = DingTalkMessenger(
            wiring.dingtalk_app(bot.settings, bot.stream_settings),
            bot.session,
            bot.coordinator,
            bot.clock,
            meter=bot.ledger.count,
            breakers=bot.breakers,
        )
    return found


def write_probe(bot: Bot) -> WriteProbe:
    """Says whether a message that came in now could be stored."""
    spool = None if bot.database.single_instance else bot.writer.probe_spool
    return WriteProbe(database=lambda: probe_database(bot.database.ingest, bot.owner), spool=spool)


def stream(bot: Bot) -> StreamClient | None:
    if not bot.settings.dingtalk.enabled:
        return None
    sender = CardSender(database=bot.database, desks=bot.desks, renderer=bot.renderer, clock=bot.clock)
    answers = PressAnswers(
        inbox=bot.inbox,
        sender=sender,
        renderer=bot.renderer,
        database=bot.database,
        corp_id=bot.settings.dingtalk.corp_id,
    )

    async def unless_away(inbox_id: int | None, raw: RawInbound) -> dict[str, Any]:
        """A press that waits in the spool, or for a bot that still begins, is worked later; the outbox repaints its
        card."""
        return {} if bot.writer.spooled or not bot.opening.done else await answers.answer(inbox_id, raw)

    return StreamClient(
        wiring.dingtalk_app(bot.settings, bot.stream_settings),
        bot.ingest,
        unless_away,
        bot.clock,
        session=bot.session,
        meter=bot.ledger.count,
    )


def aibot(bot: Bot) -> AibotLine | None:
    if not (bot.settings.wecom.enabled and bot.settings.wecom.aibot_id):
        return None
    return AibotLine(
        wiring.aibot_of(bot.settings, bot.aibot_settings),
        ingest=bot.ingest,
        identities=bot.identities,
        act=bot.inbox.act,
        database=bot.database,
        leases=bot.leases,
        coordinator=bot.coordinator,
        clock=bot.clock,
        session=bot.session,
        owner=bot.owner,
        replicas=bot.settings.replicas,
    )
