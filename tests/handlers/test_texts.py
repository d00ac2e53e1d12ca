"""Every sentence people read: it renders, it fits, it keeps the tone; and everything said has its sentence."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cards import wording
from core.findings import Finding, FindingCode, Severity
from core.orders import OrderStatus
from core.timeline import TimelineEntry
from core.warehouse.plan import LeftOutReason
from handlers import texts
from handlers.timeline_words import words
from tests.cards.real_cards import LONG_CUSTOMER, LONG_NAME, LONG_PART, NOW, NUMBER

ROOT = Path(__file__).parents[2]
AT = NOW.isoformat()
LOT = "SUPPLIER-LOT-2025-11-03-0007"
MANY_NUMBERS = [f"SO260221-{n:04}" for n in range(5)]

SAMPLES: dict[str, Any] = {
    "items": [["unknown_person", {"account": "zhangsan"}], ["outsider", {}]],
    "warehouse": "KS",
    "title": "技术确认 SO260221-0137",
    "outcome": "技术甲已通过",
    "what": "api",
    "percent": 70,
    "used": 3500,
    "account": "zhangsan",
    "wanted": "销售代表、客服、区域经理、主管、销售总监",
    "number": NUMBER,
    "owner": LONG_NAME,
    "step": "技术确认",
    "role": "技术部",
    "names": f"{LONG_NAME}、技术乙",
    "roles": ["sales", "tech", "picker", "logistics"],
    "name": LONG_NAME,
    "place": 3,
    "filename": "采购单" * 20 + ".xlsx",
    "rows": "2、3",
    "reason": "too_slow",
    "limit": "10 MB",
    "detail": "",
    "kind": "video",
    "code": "E-IN-8123",
    "person": "u:zhangsan",
    "text": "看不懂的话" * 8,
    "nick": "老张",
    "platform": "dingtalk",
    "near": MANY_NUMBERS,
    "digits": "0137",
    "numbers": MANY_NUMBERS,
    "position": 7,
    "lines": 2,
    "line": 2,
    "candidates": ["04465-0K240"] * 9,
    "readings": [20, 40],
    "count": 3,
    "status": "pending",
    "revision": 12,
    "by": LONG_NAME,
    "customer": LONG_CUSTOMER,
    "late": 12,
    "to": "区域经理苏",
    "at": AT,
    "note": "补" * 200,
    "options": ["原因" * 8] * 12,
    "verdict": "rejected",
    "due": AT,
    "bin": "A-03-12-4-02",
    "orders": 12,
    "cutoff": AT,
    "asked": 20,
    "found": 21,
    "part": "04465-0K240",
    "missing": 8,
    "elsewhere": 4,
    "origin": NUMBER,
    "lot": LOT,
    "quantity": 20,
    "left": 3,
    "received": "2025-11-03",
    "qc": "待复检",
    "want": f"{LOT} ×20",
    "order": NUMBER,
    "got": 19,
    "held": 16,
    "counted": 4,
    "waybill": "YD26022100001",
    "short": [["04465-0K240", 3]] * 30,
    "carrier": "顺丰速运",
    "parcels": 200,
    "available": 64,
    "on_hand": 80,
    "frozen": 16,
    "as_of": AT,
    "ref": NUMBER,
    "verified": True,
    "broken": 0,
    "cutoffs": ["15:30 顺丰", "17:00 德邦"],
    "level": "red",
    "latest": AT,
    "letter": 12,
    "done": True,
    "row": "人员 第 12 行",
    "skipped": ["expedite_at_risk:", "expedite_final:1h"],
    "year": 2027,
}
"""Argument → the longest plausible value; sentences with arguments of their own shape follow."""

SPECIAL: dict[str, dict[str, Any]] = {
    "my_orders": {"rows": [[NUMBER, LONG_CUSTOMER, "待审批", f"技术确认({LONG_NAME})"]] * 20},
    "history": {"rows": [[AT, LONG_NAME, "2行 物料", LONG_PART, LONG_PART]] * 12},
    "pending_list": {"rows": [[NUMBER, LONG_CUSTOMER, "技术确认", AT]] * 40},
    "todo": {"rows": [["W0221-14A-1", "⚡🔴", "12", AT, "待领"]] * 80},
    "bin_content": {"rows": [["04465-0K240", LOT, 80, 64]] * 40},
    "lot_content": {"rows": [["04465-0K240", "昆山中心仓", "A-03-12-4-02", "2025-11-03", "合格", 80, 64]] * 40},
    "trace_text": {"rows": [[AT, "少拣 04465-0K240 缺8(空架)", LONG_NAME, "企微"]] * 30},
    "parked_list": {"rows": [[n, "inbox", "OperationalError: database is locked" * 2, AT] for n in range(15)]},
    "stock": {"lots": [[LOT, "2025-11-03", "让步接收", "济南前置仓", "A-03-12-4-02", 64]] * 40},
    "must_ship_stuck": {"reason": "NO_STOCK|04465-0K240:5,90915-YZZD4:8"},
    "draft_unsubmitted": {"owner": LONG_NAME},
    "approval_reminder": {"step": "tech"},
    "approval_caught_up": {"step": "tech", "skipped": ["approval_reminder:"]},
    "scanned_out": {"orders": MANY_NUMBERS},
    "expedite_still_in": {"step": "1h"},
    "admin_parked": {
        "reason": "x" * 120,
        "page": "https://desk.example.com/admin/parked?k=E0001.1771700000." + "f" * 32,
    },
    "backup_failed": {"why": "OSError: [Errno 28] No space left on device: " + "x" * 80},
    "audit_alarm": {"kind": "missing_timer", "subjects": ["SO260221-0137 approval_due"] * 3, "count": 12},
    "admin_alarm": {"text": "出站消息积压" * 10},
}


def sample(name: str) -> dict[str, Any]:
    """Arguments for a sentence."""
    own = SPECIAL.get(name, {})
    return {p: own.get(p, SAMPLES.get(p)) for p in inspect.signature(texts.SENTENCES[name]).parameters}


SENTENCES = sorted(set(texts.SENTENCES) - {"render"})


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_renders_fits_one_message_and_keeps_the_tone(name: str) -> None:
    said = texts.render(name, sample(name))

    assert said.strip() == said
    assert 2 < len(said.encode()) <= texts.MOST_BYTES
    for wrong in ("系统错误", "未知错误", "非法", "None", "{", "}", "[]", "Traceback", "请稍后再试"):
        assert wrong not in said


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_is_the_same_every_time_it_is_made(name: str) -> None:
    assert texts.render(name, sample(name)) == texts.render(name, sample(name))


@pytest.mark.parametrize("name", ["my_orders", "pending_list", "todo", "bin_content", "lot_content", "stock"])
def test_a_list_that_is_too_long_says_how_many_are_left(name: str) -> None:
    said = texts.render(name, sample(name))

    shown, left = said.count("\n") - 1, int(said.rsplit("…还有 ", 1)[1].removesuffix(" 条"))
    rows = sample(name).get("rows") or sample(name)["lots"]
    assert shown + left == len(rows)


def test_a_long_trace_shows_its_end_and_says_how_much_came_before() -> None:
    rows = [[AT, f"第{n}件事" + "说" * 40, "系统", ""] for n in range(1, 31)]

    said = texts.trace_text(ref=NUMBER, verified=True, broken=0, rows=rows).splitlines()

    assert said[0] == f"全链路溯源 {NUMBER} · 30 个事件 · 链校验 ✅"
    assert said[1].startswith("…还有 ")
    assert "第30件事" in said[-1]


@pytest.mark.parametrize(
    "name", ["my_orders", "history", "pending_list", "todo", "bin_content", "lot_content", "parked_list"]
)
def test_an_empty_list_is_a_sentence_of_its_own(name: str) -> None:
    said = texts.render(name, {**sample(name), "rows": []})

    assert "\n" not in said
    assert len(said) > 3


def test_help_is_at_most_eight_lines_for_whoever_asks() -> None:
    for roles in ([], ["sales"], ["sales", "tech", "picker", "logistics", "supervisor", "admin"]):
        assert 4 <= len(texts.help_text(roles).splitlines()) <= 8


@pytest.mark.parametrize("code", FindingCode)
def test_every_flag_has_words_also_without_arguments(code: FindingCode) -> None:
    bare = Finding(code=code, severity=Severity.RED)
    full = Finding(
        code=code,
        severity=Severity.RED,
        line=2,
        candidates=("04465-33471", "x"),
        args=tuple(
            (name, "9")
            for name in (
                "text",
                "part",
                "quantity",
                "safety",
                "percent",
                "pack",
                "number",
                "available",
                "rule",
                "most",
                "earliest",
                "reason",
            )
        ),
    )

    assert wording.finding(bare).strip()
    assert "None" not in wording.finding(full)


@pytest.mark.parametrize("reason", [*(r.value.upper() for r in LeftOutReason), "SHORT_PICKED"])
def test_every_reason_to_be_left_out_has_words(reason: str) -> None:
    for detail in ("", "|04465-0K240:5", "|SO260221-0001,SO260221-0002"):
        said = wording.left_out(reason + detail)

        assert said
        assert reason not in said


def test_every_state_has_a_word() -> None:
    assert set(wording.STATUS) == set(OrderStatus)
    assert len(set(wording.STATUS.values())) == len(OrderStatus)


# ---------------------------------------------------------------- what the code says has a sentence


def said_in_code() -> Iterator[tuple[str, str, set[str]]]:
    """Every ``DomainError("x", …)``, ``.say(to, "x", …)``, ``.once(to, "x", …)``: where, sentence, arguments."""
    for folder in ("core", "handlers", "storage", "bot"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and not any(k.arg is None for k in node.keywords):
                    yield from _sentence(node, f"{file.relative_to(ROOT)}:{node.lineno}")


def _sentence(call: ast.Call, where: str) -> Iterator[tuple[str, str, set[str]]]:
    named = {k.arg for k in call.keywords if k.arg}
    if isinstance(call.func, ast.Name) and call.func.id in ("DomainError", "PictureRefused"):
        first, extra = call.args[0] if call.args else None, set[str]()
    elif isinstance(call.func, ast.Attribute) and call.func.attr in ("say", "once") and len(call.args) == 2:
        first, extra = call.args[1], {"priority", "key"}
    else:
        return
    if isinstance(first, ast.Constant):
        yield where, str(first.value), named - extra


SAID = list(said_in_code())


@pytest.mark.parametrize(("where", "sentence", "named"), SAID, ids=[f"{w} {s}" for w, s, _ in SAID])
def test_whatever_the_code_says_has_its_sentence_with_these_arguments(
    where: str, sentence: str, named: set[str]
) -> None:
    assert sentence in texts.SENTENCES, where
    parameters = inspect.signature(texts.SENTENCES[sentence]).parameters
    required = {p.name for p in parameters.values() if p.default is inspect.Parameter.empty}
    assert required <= named <= set(parameters), where


def traced() -> Iterator[tuple[str, str]]:
    """Every ``trace(tx, ref, "x", …)`` of the use cases: where, action."""
    for folder in ("core", "handlers"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "trace"
                    and len(node.args) > 2
                    and isinstance(node.args[2], ast.Constant)
                ):
                    yield str(file.relative_to(ROOT)), str(node.args[2].value)


DETAILS = {"step": "tech", "reason": "S01", "kind": "text", "lines": 2, "revision": 1, "verdict": "rejected"}


@pytest.mark.parametrize("action", sorted({action for _, action in traced()}))
def test_every_traced_act_has_words(action: str) -> None:
    entry = TimelineEntry(
        ref=NUMBER,
        seq=1,
        action=action,
        actor="E01",
        actor_name="销售A",
        channel="wecom",
        at=NOW,
        details=DETAILS,
        prev_hash="",
        hash="",
    )

    assert words(entry) != action
