"""The chat grammar: one table from what people type to what they mean (chat.md section 3)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum


class Intent(StrEnum):
    HELP = "help"
    MINE = "mine"
    STATUS = "status"
    HISTORY = "history"
    TRACE = "trace"
    APPROVE = "approve"
    REJECT = "reject"
    EXPEDITE = "expedite"
    STOCK = "stock"
    BIN = "bin"
    LOT = "lot"
    TODO = "todo"
    CLAIM = "claim"
    PICKED = "picked"
    SHORT = "short"
    SCAN = "scan"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    TAKE = "take"
    CORRECT = "correct"
    REVISE = "revise"
    CAPACITY = "capacity"
    NUDGE = "nudge"
    COORDINATE = "coordinate"
    PICKUP = "pickup"
    BIND = "bind"
    BIND_FOR = "bind_for"
    PARKED = "parked"
    RESEND = "resend"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True)
class Command:
    intent: Intent
    args: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return (self.args.get(name) or "").strip()


ORDER = r"(?P<order>SO\d{6}-\d{4,6}|\d{4})"
NUMBER = r"SO\d{6}-\d{4,6}"
LIST = r"(?P<list>W\d{4}-\d{2}[A-Z]+(?:-\d+)?)"

COMMANDS: tuple[tuple[Intent, str], ...] = (
    (Intent.HELP, r"(?:帮助|菜单|help|\?|/help)"),
    (Intent.MINE, r"(?:我的单|我的订单|my orders?|mine)"),
    (Intent.STATUS, rf"(?:(?:查|查单|查询|status)\s*)?(?P<order>{NUMBER})"),
    (Intent.STATUS, r"(?:查|查单|查询|status)\s*(?P<order>\S+)"),
    (Intent.HISTORY, rf"(?:历史|history)\s*{ORDER}"),
    (Intent.TRACE, r"(?:溯源|trace)\s*(?P<ref>\S+)"),
    (Intent.APPROVE, rf"(?:同意|通过|批准|approve)\s*{ORDER}"),
    (Intent.REJECT, rf"(?:驳回|拒绝|reject)\s*{ORDER}\s*(?P<reason>.*)"),
    (Intent.EXPEDITE, rf"(?:加急|rush)\s*(?P<rest>.*?{NUMBER}.*|.*?\b\d{{4}}\b.*)"),
    (Intent.STOCK, r"(?:库存|穿透|stock)\s*(?P<part>\S.*?)(?:\s+(?P<place>昆山|合肥|济南|\S*仓))?"),
    (Intent.BIN, r"(?:库位|bin)\s*(?P<bin>\S+)"),
    (Intent.LOT, r"(?:批次|lot)\s*(?P<lot>\S+)"),
    (Intent.TODO, r"(?:待办|波次|todo|wave)"),
    (Intent.CLAIM, rf"(?:领|领取|claim)\s*{LIST}?"),
    (Intent.PICKED, r"(?:已拣|拣好|picked)"),
    (Intent.SHORT, r"(?:少拣|short)\s*(?P<found>\d+)?\s*(?P<reason>.*)"),
    (Intent.SHORT, r"(?P<reason>缺货)"),
    (Intent.SCAN, r"(?:出|出库|扫|scan)\s*(?P<lot>[A-Za-z0-9][\w\-./]*)(?:\s*[x×*]?\s*(?P<quantity>\d+)\s*(?:个|件|只|套)?)?"),
    (Intent.CONFIRM, rf"(?:确认|提交|确认提交|confirm|submit)\s*{ORDER}?"),
    (Intent.CANCEL, rf"(?:作废|取消|cancel)\s*{ORDER}?"),
    (Intent.TAKE, rf"(?:采用建议|采用)\s*{ORDER}?"),
    (Intent.REVISE, rf"(?:修订|修改|revise)\s*{ORDER}\s+(?P<text>.+)"),
    (Intent.CAPACITY, r"(?:运力|capacity)\s*(?P<carrier>\S+)\s+(?P<parcels>\d+)\s*件?"),
    (Intent.NUDGE, rf"(?:催|催办|nudge)\s*{ORDER}"),
    (Intent.COORDINATE, rf"(?:我来协调|协调)\s*{ORDER}"),
    (Intent.PICKUP, rf"(?:已安排|安排取货)\s*{ORDER}\s*(?P<plate>.*)"),
    (Intent.BIND_FOR, r"(?:绑定|bind)\s*(?P<number>\S+)\s+(?P<platform>企微|钉钉)\s+(?P<account>\S+)"),
    (Intent.BIND, r"(?:绑定|bind)\s*(?P<number>\S+)"),
    (Intent.PARKED, r"(?:搁置|滞留|parked)"),
    (Intent.RESEND, r"(?:重发|resend)\s*(?P<letter>\d+)"),
    (Intent.DROP, r"(?:丢弃|drop)\s*(?P<letter>\d+)"),
)
_COMPILED = [(intent, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for intent, pattern in COMMANDS]
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_MENTION = re.compile(r"^(?:@\S{1,30}\s+)+")


def clean(text: str) -> str:
    """Full width to half width, invisible characters and a leading ``@name`` gone (rules 1 and 7)."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip()
    return _MENTION.sub("", text).strip()


def command(text: str) -> Command | None:
    """The command a cleaned text is, or None: then it may be a correction, a reply to a question, or an order."""
    for intent, pattern in _COMPILED:
        found = pattern.fullmatch(text)
        if found is not None:
            return Command(intent=intent, args={k: v for k, v in found.groupdict().items() if v})
    return None
