"""The official SDK as a client, for a subprocess: address, id, secret; it answers by what it hears."""

import asyncio
import json
import sys
import warnings

# The SDK uses names that its websocket library has put aside.
warnings.simplefilter("ignore", DeprecationWarning)

import aibot.ws  # noqa: E402
from aibot import WSClient, WSClientOptions  # noqa: E402

# Without TLS on loopback, which the SDK does not foresee (wire 10.2).
aibot.ws._SSL_CONTEXT = None


def card(task_id, title):
    return {
        "card_type": "button_interaction",
        "task_id": task_id,
        "main_title": {"title": title},
        "button_list": [{"text": "好", "style": 1, "key": "ok"}],
    }


class Quiet:
    def __getattr__(self, _name):
        return lambda *_args: None


def report(what, **facts):
    print(json.dumps({"what": what, **facts}, ensure_ascii=False), flush=True)


async def main():
    url, bot_id, secret = sys.argv[1:4]
    client = WSClient(WSClientOptions(bot_id=bot_id, secret=secret, ws_url=url, heartbeat_interval=200, logger=Quiet()))

    async def on_text(frame):
        said = frame["body"]["text"]["content"]
        if said == "card":
            await client.reply_template_card(frame, card("peer-card-1", "要吗"))
        elif said == "push":
            await client.reply_stream(frame, "p1", "推送在后", finish=True)
            await client.send_message(
                frame["body"]["from"]["userid"], {"msgtype": "markdown", "markdown": {"content": "**推送**"}}
            )
        else:
            await client.reply_stream(frame, "s1", "在查…")
            await client.reply_stream(frame, "s1", f"收到 {said}", finish=True)

    async def on_picture(frame):
        held = frame["body"]["image"]
        data, name = await client.download_file(held["url"], held["aeskey"])
        await client.reply_stream(frame, "i1", f"{name} {len(data)}", finish=True)

    async def on_press(frame):
        task_id = frame["body"]["event"]["template_card_event"]["task_id"]
        await client.update_template_card(frame, card(task_id, "已要"))

    async def on_enter(frame):
        await client.reply_welcome(frame, {"msgtype": "text", "text": {"content": "你好"}})

    def spawn(handler):
        return lambda frame: asyncio.ensure_future(handler(frame))

    client.on("authenticated", lambda: report("authenticated"))
    client.on("error", lambda error: report("error", text=str(error)))
    client.on("message.text", spawn(on_text))
    client.on("message.image", spawn(on_picture))
    client.on("event.template_card_event", spawn(on_press))
    client.on("event.enter_chat", spawn(on_enter))
    await client.connect()
    await asyncio.Event().wait()


asyncio.run(main())
