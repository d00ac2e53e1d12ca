"""``python -m simulator --port 8900 --wecom-callback http://127.0.0.1:8080/wecom/callback``: the simulator alone."""

from __future__ import annotations

import argparse

from aiohttp import web

from simulator.clock import RunningClock
from simulator.server import Simulator


def main() -> None:
    """Serve both platforms and the page until Ctrl-C; a bot in another process is told the base URLs."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description="WeCom and DingTalk on this machine")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--wecom-callback", default=None, help="where WeCom posts its callbacks")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per real second")
    chosen = parser.parse_args()
    simulator = Simulator(
        clock=RunningClock(speed=chosen.speed),
        base_url=f"http://{chosen.host}:{chosen.port}",
        wecom_callback=chosen.wecom_callback,
    )
    web.run_app(simulator.create_app(), host=chosen.host, port=chosen.port)


if __name__ == "__main__":
    main()
