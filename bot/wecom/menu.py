"""The menu below the app's chat [90231]: at most three entries with five each."""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]

MENU: tuple[Entry, ...] = (
    {
        "name": "下单",
        "sub_button": [
            {"type": "pic_photo_or_album", "name": "拍照下单", "key": "photo_order"},
            {"type": "click", "name": "我的单", "key": "mine"},
        ],
    },
    {
        "name": "仓库",
        "sub_button": [
            {"type": "scancode_waitmsg", "name": "扫码出库", "key": "scan_out"},
            {"type": "click", "name": "库存", "key": "stock"},
        ],
    },
    {
        "name": "更多",
        "sub_button": [
            {"type": "click", "name": "待办", "key": "todo"},
            {"type": "click", "name": "帮助", "key": "help"},
        ],
    },
)
"""A tap on a click entry arrives as MENU with its key (``handlers.routes.MENU``), a scan as SCAN, a photo as IMAGE."""

TOP, BELOW = 3, 5
NAME_BYTES_TOP, NAME_BYTES_BELOW, KEY_BYTES = 16, 40, 128


def validate(menu: tuple[Entry, ...]) -> list[str]:
    """What WeCom would refuse about a menu, as sentences; empty when it may be installed."""
    problems = [] if 1 <= len(menu) <= TOP else [f"{len(menu)} entries, 1 to {TOP} allowed"]
    for top in menu:
        below = top.get("sub_button", [])
        if len(below) > BELOW:
            problems.append(f"{top['name']}: {len(below)} entries below, at most {BELOW}")
        problems += _entry(top, NAME_BYTES_TOP)
        problems += [problem for entry in below for problem in _entry(entry, NAME_BYTES_BELOW)]
    return problems


def _entry(entry: Entry, name_bytes: int) -> list[str]:
    problems = []
    if not 0 < len(entry["name"].encode()) <= name_bytes:
        problems.append(f"{entry['name']}: name of at most {name_bytes} bytes")
    if "sub_button" not in entry and not 0 < len(entry.get("key", "").encode()) <= KEY_BYTES:
        problems.append(f"{entry['name']}: key of 1 to {KEY_BYTES} bytes")
    return problems
