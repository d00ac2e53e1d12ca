"""Run as a program: the official stream SDK as a bot that answers one message and one card click.

Prints one JSON line per thing that happened. Not a test module: the SDK's imports warn.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import dingtalk_stream
from dingtalk_stream import AckMessage, CallbackMessage, ChatbotMessage
from dingtalk_stream.card_callback import Card_Callback_Router_Topic, CardCallbackMessage
from dingtalk_stream.card_replier import CardReplier


def tell(what: str, **more: Any) -> None:
    print(json.dumps({"what": what, **more}), flush=True)


class Words(dingtalk_stream.ChatbotHandler):
    """Replies by sessionWebhook and puts a card with a button beside it."""

    async def process(self, callback: CallbackMessage) -> tuple[int, str]:
        message = ChatbotMessage.from_dict(callback.data)
        reply = await asyncio.to_thread(self.reply_text, "收到 " + message.text.content.strip(), message)
        tell("message", text=message.text.content, staff=message.sender_staff_id, reply=reply)
        button = {"text": "通过", "id": "approve", "request": True, "params": {"a": "1"}}
        values = {"title": "卡片", "sys_full_json_obj": json.dumps({"msgButtons": [button]})}
        replier = CardReplier(self.dingtalk_client, message)
        card = await replier.async_create_and_send_card(sys.argv[1], values)
        tell("card", id=card)
        return AckMessage.STATUS_OK, "OK"


class Taps(dingtalk_stream.CallbackHandler):
    """Answers a click with the new text."""

    async def process(self, callback: CallbackMessage) -> tuple[int, dict[str, Any]]:
        click = CardCallbackMessage.from_dict(callback.data)
        tell("click", user=click.user_id, content=click.content, card=click.card_instance_id)
        return AckMessage.STATUS_OK, {
            "cardUpdateOptions": {"updateCardDataByKey": True},
            "cardData": {"cardParamMap": {"markdown": f"{click.user_id} 已通过"}},
        }


client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential("ding-app", "s3cret"))
client.register_callback_handler(ChatbotMessage.TOPIC, Words())
client.register_callback_handler(Card_Callback_Router_Topic, Taps())
asyncio.run(client.start())
