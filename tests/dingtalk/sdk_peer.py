"""The official stream SDK as a second client, for a subprocess: id, secret, then it runs until it is ended."""

import logging
import sys

import dingtalk_stream
from dingtalk_stream import AckMessage


class Messages(dingtalk_stream.ChatbotHandler):
    async def process(self, callback):
        # As every bot does first; it stumbles over a message without content.
        dingtalk_stream.ChatbotMessage.from_dict(callback.data)
        return AckMessage.STATUS_OK, "OK"


class Cards(dingtalk_stream.CallbackHandler):
    async def process(self, callback):
        values = {"title": "技术确认 SO260221-0137"}
        return AckMessage.STATUS_OK, {"cardData": {"cardParamMap": values}}


class Events(dingtalk_stream.EventHandler):
    async def process(self, event):
        return AckMessage.STATUS_OK, "OK"


def main() -> None:
    logger = logging.getLogger("peer")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(sys.argv[1], sys.argv[2]), logger=logger)
    client.register_all_event_handler(Events())
    client.register_callback_handler(dingtalk_stream.ChatbotMessage.TOPIC, Messages())
    client.register_callback_handler("/v1.0/card/instances/callback", Cards())
    client.start_forever()


main()
