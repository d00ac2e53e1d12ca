"""The switches of the chaos bar: the name on each, and the fault behind it (newcomer.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.world import FaultKind, PlatformName


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A press arms the fault once more; it is used up when it has happened."""

    kind: FaultKind
    label: str
    about: str
    platform: PlatformName | None = None


SWITCHES: tuple[Switch, ...] = (
    Switch(kind=FaultKind.DUPLICATE_CALLBACK, label="重复回调×3", about="下一条回调已应答，仍再送两次"),
    Switch(kind=FaultKind.CALLBACK_TIMEOUT, label="5秒超时", about="下一条回调的应答当作没收到，平台重送"),
    Switch(kind=FaultKind.REORDER, label="乱序", about="同一个人的下两条消息颠倒着到"),
    Switch(kind=FaultKind.TOKEN_EXPIRED, label="token过期", about="下一次接口调用遇到提前失效的 token"),
    Switch(kind=FaultKind.UNTRUSTED_IP, label="60020", about="企业微信：下一次调用来自不可信 IP", platform="wecom"),
    Switch(kind=FaultKind.RATE_LIMITED, label="45009", about="下一次调用遇到频率上限"),
    Switch(
        kind=FaultKind.CODE_SPENT,
        label="code已用",
        about="企业微信：下一次更新卡片时 response_code 已被用掉(60140)",
        platform="wecom",
    ),
    Switch(
        kind=FaultKind.STREAM_DROP,
        label="断线重连",
        about="钉钉：立刻掐断所有长连接，机器人要自己连回来",
        platform="dingtalk",
    ),
    Switch(kind=FaultKind.ACCEPT_THEN_ABORT, label="收下后断线", about="下一次发送其实成功了，但应答没回来"),
    Switch(kind=FaultKind.SERVER_ERROR, label="平台500", about="下一次接口调用得到服务器错误"),
)
BY_KIND = {switch.kind: switch for switch in SWITCHES}
