"""From settings to the values that the parts of the bot are made with. One place knows what each key becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.dingtalk import parse as dingtalk_parse
from bot.dingtalk.settings import DingTalkSettings, StreamSettings
from bot.inbox import Parse
from bot.settings import Settings
from bot.wecom import parse as wecom_parse
from bot.wecom.aibot import parse as aibot_parse
from bot.wecom.aibot.settings import AibotSettings
from bot.wecom.apps import WeComApp
from core.inbound import Inbound
from core.intake.settings import RuleSettings
from core.people import PlatformName
from core.ports import InboxWork
from core.rules import Rules
from core.workcalendar import WorkCalendar


def _from_wecom(work: InboxWork) -> Inbound:
    """Two ways lead in from WeCom: the app's callback, and the long connection of the aibot."""
    if aibot_parse.is_aibot(work):
        return aibot_parse.parse(work, inbox_id=work.id)
    return wecom_parse.parse(work, inbox_id=work.id)


PARSERS: dict[PlatformName, Parse] = {
    PlatformName.WECOM: _from_wecom,
    PlatformName.DINGTALK: lambda work: dingtalk_parse.parse(work, inbox_id=work.id),
}


def parsers(settings: Settings) -> dict[PlatformName, Parse]:
    """With the company that a DingTalk inbound must come from."""
    corp_id = settings.dingtalk.corp_id
    return PARSERS | {PlatformName.DINGTALK: lambda work: dingtalk_parse.parse(work, inbox_id=work.id, corp_id=corp_id)}


def spool_file(settings: Settings) -> Path:
    folder = Path(settings.spool_dir or Path(settings.files_dir).parent / "spool")
    return folder / f"{settings.replica}.spool"


def ensure_folder(settings: Settings) -> None:
    prefix = "sqlite+aiosqlite:///"
    if settings.database_url.startswith(prefix):
        Path(settings.database_url.removeprefix(prefix)).parent.mkdir(parents=True, exist_ok=True)


def calendar(settings: Settings) -> WorkCalendar:
    return WorkCalendar(
        {**dict.fromkeys(settings.calendar.workdays, True), **dict.fromkeys(settings.calendar.holidays, False)}
    )


def rules(settings: Settings) -> Rules:
    x = settings.rules
    return Rules(
        draft_hours=x.draft_hours,
        approval_hours=x.approval_hours,
        approval_reminder_minutes=x.approval_reminder_minutes,
        expedite_alarm_hours=x.expedite_alarm_hours,
        business_clock=x.business_clock,
        claim_minutes=x.claim_minutes,
        duplicate_window=timedelta(minutes=x.duplicate_minutes),
        max_reds=x.max_reds,
    )


def checks(settings: Settings) -> RuleSettings:
    x = settings.checks
    return RuleSettings(safety_percent=x.safety_percent, most_pieces=x.most_pieces, low_score=x.low_score)


def wecom_app(settings: Settings) -> WeComApp:
    x = settings.wecom
    return WeComApp(
        corpid=x.corpid, agentid=x.agentid, secret=x.secret, token=x.token, aes_key=x.aes_key, base_url=x.base_url
    )


def aibot_of(settings: Settings, known: AibotSettings | None) -> AibotSettings:
    x = settings.wecom
    return replace(
        known or AibotSettings(bot_id="", secret=""),
        bot_id=x.aibot_id,
        secret=x.aibot_secret,
        url=x.aibot_url,
        shelf=Path(settings.files_dir).parent / "aibot",
    )


def dingtalk_app(settings: Settings, stream: StreamSettings | None) -> DingTalkSettings:
    x = settings.dingtalk
    return DingTalkSettings(
        client_id=x.client_id,
        client_secret=x.client_secret,
        robot_code=x.robot_code,
        api_base=x.api_base,
        oapi_base=x.oapi_base,
        card_template_id=x.card_template_id,
        stream=stream or StreamSettings(sockets=x.sockets),
    )
