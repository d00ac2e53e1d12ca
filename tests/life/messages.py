"""What WeCom delivers when somebody types or presses, in the form in which the inbox keeps it."""

from __future__ import annotations

from datetime import datetime

from bot.wecom.parse import store_form
from core.inbound import RawInbound

AGENT = 1000002


def typed(account: str, words: str, *, nth: int, at: datetime) -> RawInbound:
    """A line of chat; ``nth`` is its message id."""
    message = {
        "FromUserName": account,
        "CreateTime": str(int(at.timestamp())),
        "MsgType": "text",
        "Content": words,
        "MsgId": str(nth),
    }
    return store_form(message, AGENT, words.encode())


def pressed(account: str, key: str, *, card_id: str, nth: int, at: datetime, reason: str = "") -> RawInbound:
    """A button of a card, with the choice beside it."""
    message = {
        "FromUserName": account,
        "CreateTime": str(int(at.timestamp())),
        "MsgType": "event",
        "Event": "template_card_event",
        "EventKey": key,
        "TaskId": card_id,
        "CardType": "button_interaction",
        "ResponseCode": f"code-{nth}",
        "SelectedItems": {"SelectedItem": [{"QuestionKey": "reason", "OptionIds": {"OptionId": [reason]}}]},
    }
    return store_form(message, AGENT, key.encode())
