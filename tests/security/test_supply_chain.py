"""What runs is known to the byte: every package locked with hashes, and listed in a valid bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parent.parent.parent
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)


def locked(name: str) -> set[tuple[str, str]]:
    """Names and versions; a package may stand twice, for different Pythons."""
    return set(PINNED.findall((ROOT / "requirements" / name).read_text(encoding="utf-8")))


def test_the_bill_of_materials_is_valid_lists_every_locked_package_and_is_the_same_each_time() -> None:
    made = []
    for _ in range(2):
        subprocess.run([sys.executable, "tools/sbom.py"], cwd=ROOT, check=True, capture_output=True, timeout=120)
        made.append((ROOT / "build" / "sbom.json").read_text(encoding="utf-8"))

    bill = json.loads(made[0])
    assert made[0] == made[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made[0]) is None
    assert {(c["name"], c["version"]) for c in bill["components"]} == locked("run.txt")
    licensed = [component["name"] for component in bill["components"] if component.get("licenses")]
    assert {"aiohttp", "sqlalchemy", "cryptography", "openpyxl", "pillow"} <= set(licensed)
    assert len(licensed) > 0.9 * len(bill["components"])


def test_every_locked_package_carries_its_hashes() -> None:
    for name in ("run.txt", "dev.txt"):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements" / name).read_text(encoding="utf-8").strip())

        assert len(blocks) == len(locked(name)) > 50
        assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
