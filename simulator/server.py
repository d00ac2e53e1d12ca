"""The simulated world as one object: both platforms, their wire, the clock, and the page with the phones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from simulator.clock import MovableClock
from simulator.dingtalk import DingTalkPlatform
from simulator.page.api import PageApi
from simulator.page.chaos import SWITCHES
from simulator.page.live import Live
from simulator.personas import EVERYBODY, FRONT_LINE, dingtalk_members, phone_id, wecom_members
from simulator.scenarios import Stage
from simulator.scenarios.director import Director
from simulator.wecom import AibotConfig, AppConfig, MenuEntry, WeComPlatform
from simulator.world import FaultKind, Faults, PhoneMessage, Platform, PlatformName, WireLog

BODY_MOST = 32 * 1024 * 1024
"""Bytes of an upload that the routes must be mounted for: DingTalk takes 20 MB of file in a form."""


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """What an administrator would copy from both consoles into the bot's configuration."""

    corpid: str = "ww5d3m0c0rp1d2f3a4"
    agentid: int = 1000002
    secret: str = "simulated-wecom-app-secret"  # noqa: S105 - opens nothing but this simulator
    token: str = "SimulatedCallbackToken"  # noqa: S105 - see above
    aes_key: str = "c2ltdWxhdGVkLWFlcy1rZXktb2YtMzItYnl0ZXMhISE"
    aibotid: str = "aib5d3m0b0tid1d2f3a4"
    aibot_secret: str = "simulated-aibot-long-connection-secret"  # noqa: S105 - see above
    corp_id: str = "ding5d3m0c0rp"
    client_id: str = "dingsimulatedapp"
    client_secret: str = "simulated-dingtalk-secret"  # noqa: S105 - see above
    robot_code: str = "dingsimulatedapp"


class Hooks(Protocol):
    """What the page can do with the bot beyond the wire; whoever starts both hands them in."""

    async def restart_bot(self) -> None:
        """Kill and start the bot; returns when it serves again."""

    async def bot_state(self, ref: str) -> dict[str, Any]:
        """What the bot's order API says about an order; empty when it knows none."""

    async def tick_wave(self) -> None:
        """Form waves now, without waiting for the next quarter."""


class Simulator:
    """Both platforms behind one set of routes.

    ``wecom`` and ``dingtalk`` are further options of the two platforms (``callback_timeout``, ``ping_every``,
    ``pace`` …). ``base_url`` is where the routes will be reachable.
    """

    def __init__(
        self,
        *,
        clock: MovableClock,
        base_url: str = "http://127.0.0.1:8900",
        wecom_callback: str | None = None,
        accounts: Accounts | None = None,
        hooks: Hooks | None = None,
        wecom: Mapping[str, Any] | None = None,
        dingtalk: Mapping[str, Any] | None = None,
    ) -> None:
        self.clock = clock
        self.hooks = hooks
        self.accounts = accounts or Accounts()
        self.wire = WireLog(clock)
        self.faults = Faults()
        self.bot_says = ""
        """What the page shows about a restart that is going on."""
        self.wecom = _wecom(self, wecom_callback, wecom or {})
        self.dingtalk = _dingtalk(self, base_url, dingtalk or {})
        self.platforms: dict[PlatformName, Platform] = {"wecom": self.wecom, "dingtalk": self.dingtalk}
        self.live = Live(self)
        self.director = Director(self._scenario_stage, self.live.touch)
        self._phones = {phone_id(persona): persona for persona in EVERYBODY}

    def routes(self) -> list[web.AbstractRouteDef]:
        """APIs of both platforms, the page under ``/`` and what it needs under ``/sim``.

        Mount them in an application with ``client_max_size=BODY_MOST``.
        """
        return [*self.wecom.routes(), *self.dingtalk.routes(), *PageApi(self).routes()]

    def create_app(self) -> web.Application:
        """The simulator alone; it starts and stops with the application."""
        app = web.Application(client_max_size=BODY_MOST)
        app.add_routes(self.routes())
        app.on_startup.append(lambda _: self.start())
        app.on_shutdown.append(lambda _: self.stop())
        return app

    async def start(self) -> None:
        for platform in self.platforms.values():
            await platform.start()
        await self.live.start()

    async def stop(self) -> None:
        await self.director.stop()
        await self.live.stop()
        for platform in self.platforms.values():
            await platform.stop()

    def set_addresses(self, *, base_url: str, wecom_callback: str | None) -> None:
        """Once the port is known: where the platforms are, and where WeCom posts its callbacks."""
        self.dingtalk.base_url = base_url
        self.wecom.set_callback_url(self.accounts.agentid, wecom_callback)

    def stage(self, **options: Any) -> Stage:
        """A stage on this world; ``options`` are those of Stage (``timeout``, ``idle``, ``announce``, ``turn``)."""
        restart = self.restart_bot if self.hooks is not None else None
        return Stage(
            platforms=self.platforms,
            clock=self.clock,
            wire=self.wire,
            faults=self.faults,
            **{"restart": restart, **options},
        )

    # -- what the page does ----------------------------------------------------------------------

    def phones(self) -> list[str]:
        """Ids of all phones there are."""
        return list(self._phones)

    def chat(self, phone: str) -> list[PhoneMessage]:
        """Raises KeyError for a phone nobody has."""
        persona = self._phones[phone]
        return self.platforms[persona.platform].chat(persona.user)

    def menu(self, phone: str) -> list[MenuEntry]:
        """The app's menu under a WeCom chat; empty on DingTalk. Raises KeyError for a phone nobody has."""
        persona = self._phones[phone]
        return self.wecom.menu(persona.user) if persona.platform == "wecom" else []

    def arm(self, kind: FaultKind, *, times: int = 1, platform: PlatformName | None = None) -> None:
        """Switch a fault on. A dropped stream happens at once: waiting for the next message shows nothing."""
        if kind is FaultKind.STREAM_DROP:
            self.dingtalk.drop_streams()
        else:
            self.faults.arm(kind, times=times, platform=platform)
        self.live.touch()

    def armed(self) -> dict[str, int]:
        """Fault → how often it will still happen."""
        left: dict[str, int] = {switch.kind.value: 0 for switch in SWITCHES}
        for _, kind, times in self.faults.armed():
            left[kind.value] = left.get(kind.value, 0) + times
        return left

    async def restart_bot(self) -> None:
        """Raises LookupError when nobody handed in how to restart it."""
        if self.hooks is None:
            raise LookupError("no bot to restart")
        self.bot_says = "机器人正在重启…"
        self.live.touch()
        try:
            await self.hooks.restart_bot()
        finally:
            self.bot_says = ""
            self.live.touch()

    def _scenario_stage(self, announce: Callable[[str], None], turn: int) -> Stage:
        return self.stage(announce=announce, turn=turn, timeout=20.0)


def _wecom(world: Simulator, callback: str | None, options: Mapping[str, Any]) -> WeComPlatform:
    accounts = world.accounts
    app = AppConfig(
        agentid=accounts.agentid,
        secret=accounts.secret,
        token=accounts.token,
        aes_key=accounts.aes_key,
        callback_url=callback,
    )
    return WeComPlatform(
        clock=world.clock,
        wire=world.wire,
        faults=world.faults,
        corpid=accounts.corpid,
        apps=[app],
        members=wecom_members(),
        **{
            "aibot": AibotConfig(aibotid=accounts.aibotid, secret=accounts.aibot_secret),
            "aibot_groups": (FRONT_LINE,),
            **options,
        },
    )


def _dingtalk(world: Simulator, base_url: str, options: Mapping[str, Any]) -> DingTalkPlatform:
    accounts = world.accounts
    return DingTalkPlatform(
        clock=world.clock,
        wire=world.wire,
        faults=world.faults,
        corp_id=accounts.corp_id,
        client_id=accounts.client_id,
        client_secret=accounts.client_secret,
        robot_code=accounts.robot_code,
        members=dingtalk_members(),
        base_url=base_url,
        **options,
    )
