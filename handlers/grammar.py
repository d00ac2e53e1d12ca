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


FOUR = r"(?<![A-Za-z0-9:-])\d{4}(?![A-Za-z0-9:-])"
"""The last four digits of an order, standing alone: never a piece of a code, a part number or a time."""
NUMBER = r"SO\d{6}-\d{4,6}(?!\d)"
ORDER = rf"(?P<order>{NUMBER}|\d{{4}}(?!\d))"
LIST = r"(?P<list>W\d{4}-\d{2}[A-Z]+(?:-\d+)?)"


def _word(chinese: str, english: str) -> str:
    """A command word: Chinese may touch what follows, English needs a blank (``bin1234`` is no command)."""
    return rf"(?:(?:{chinese})\s*|(?:{english})\s+)"


COMMANDS: tuple[tuple[Intent, str], ...] = (
    (Intent.HELP, r"(?:帮助|菜单|help|\?|/help)"),
    (Intent.MINE, r"(?:我的单|我的订单|my orders?|mine)"),
    (Intent.STOCK, _word("查?库存|穿透", "stock") + r"(?P<part>\S.*?)(?:\s+(?P<place>昆山|合肥|济南|\S*仓))?"),
    (Intent.STATUS, rf"(?:{_word('查询|查单|查', 'status')})?(?P<order>{NUMBER})"),
    (Intent.STATUS, _word("查询|查单|查", "status") + r"(?P<order>\S+)"),
    (Intent.HISTORY, _word("历史", "history") + ORDER),
    (Intent.TRACE, _word("溯源", "trace") + r"(?P<ref>\S+)"),
    (Intent.APPROVE, _word("同意|通过|批准", "approve") + ORDER),
    (Intent.REJECT, _word("驳回|拒绝", "reject") + rf"{ORDER}\s*(?P<reason>.*)"),
    (Intent.EXPEDITE, _word("加急", "rush") + rf"(?P<rest>.*?(?:{NUMBER}|{FOUR}).*)"),
    (Intent.BIN, _word("库位", "bin") + r"(?P<bin>\S+)"),
    (Intent.LOT, _word("批次", "lot") + r"(?P<lot>\S+)"),
    (Intent.TODO, r"(?:待办|波次|todo|wave)"),
    (Intent.CLAIM, rf"(?:领取波次|领取|领|claim)(?:\s*{LIST})?"),
    (Intent.PICKED, r"(?:已拣|拣好|picked)"),
    (Intent.SHORT, r"(?:少拣\s*|short(?:\s+|$))(?P<found>\d+)?\s*(?P<reason>.*)"),
    (Intent.SHORT, r"(?P<reason>缺货)"),
    (
        Intent.SCAN,
        _word("出库|出|扫", "scan")
        + r"(?P<lot>[A-Za-z0-9][\w\-./]*)(?:\s*[x×*]?\s*(?P<quantity>\d+)\s*(?:个|件|只|套)?)?",
    ),
    (Intent.CONFIRM, rf"(?:确认提交|确认|提交|confirm|submit)(?:\s*{ORDER})?"),
    (Intent.CANCEL, rf"(?:作废|取消|cancel)(?:\s*{ORDER})?"),
    (Intent.TAKE, rf"(?:采用建议|采用)(?:\s*{ORDER})?"),
    (Intent.REVISE, _word("修订|修改", "revise") + rf"{ORDER}\s+(?P<text>.+)"),
    (Intent.CAPACITY, _word("运力", "capacity") + r"(?P<carrier>\S+)\s+(?P<parcels>\d+)\s*件?"),
    (Intent.NUDGE, _word("催办|催", "nudge") + ORDER),
    (Intent.COORDINATE, rf"(?:我来协调|协调)\s*{ORDER}"),
    (Intent.PICKUP, rf"(?:已安排|安排取货)\s*{ORDER}\s*(?P<plate>.*)"),
    (Intent.BIND_FOR, _word("绑定", "bind") + r"(?P<number>\S+)\s+(?P<platform>企微|钉钉)\s+(?P<account>\S+)"),
    (Intent.BIND, _word("绑定", "bind") + r"(?P<number>\S+)"),
    (Intent.PARKED, r"(?:搁置|滞留|parked)"),
    (Intent.RESEND, _word("重发", "resend") + r"(?P<letter>\d+)"),
    (Intent.DROP, _word("丢弃", "drop") + r"(?P<letter>\d+)"),
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


def order_in(text: str) -> str:
    """The order a line names, wherever it stands: the full number, else four digits standing alone; empty if none."""
    found = re.search(NUMBER, text, re.IGNORECASE) or re.search(FOUR, text)
    return found.group() if found else ""
