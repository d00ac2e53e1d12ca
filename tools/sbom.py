"""The bill of materials of what runs: requirements/run.txt as CycloneDX JSON with the licences of what is installed.

The same lock gives the same bytes. Needs no network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "run.txt"
TARGET = ROOT / "build" / "sbom.json"


def main() -> int:
    """Write build/sbom.json; 1 when the result is no valid CycloneDX document."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bill = complete(_listed())
    text = json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        print(f"the bill is not valid CycloneDX: {wrong}", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    components = bill["components"]
    known = sum("licenses" in component for component in components)
    print(f"{TARGET.relative_to(ROOT)}: {len(components)} packages, licences of {known} known")
    return 0


def complete(bill: dict[str, Any]) -> dict[str, Any]:
    """Each package with its summary and licence, as far as this version of it is installed here."""
    for component in bill["components"]:
        component["description"] = ""
        try:
            found = metadata.metadata(component["name"])
        except metadata.PackageNotFoundError:
            component.pop("description")
            continue
        if found["Version"] == component.get("version"):
            component["description"] = found.get("Summary") or ""
            component["licenses"] = [{"license": {"name": name}} for name in licences(found)] or []
        for empty in [key for key in ("description", "licenses") if not component.get(key)]:
            component.pop(empty, None)
    bill["components"].sort(key=lambda component: str(component["name"]).lower())
    return bill


def licences(found: Any) -> list[str]:
    """The licence expression, else the classifiers, else the first line of the licence field."""
    if found.get("License-Expression"):
        return [str(found["License-Expression"])]
    classified = [
        line.rpartition(" :: ")[2]
        for line in found.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    free = str(found.get("License") or "").strip().splitlines()
    return classified or ([free[0].strip()] if free and free[0].strip() not in ("", "UNKNOWN") else [])


def _listed() -> dict[str, Any]:
    said = subprocess.run(  # noqa: S603 - a tool of ours on a file of ours
        [
            str(Path(sys.executable).parent / "cyclonedx-py"),
            "requirements",
            "--output-reproducible",
            "--sv=1.6",
            "--pyproject=pyproject.toml",
            str(LOCK.relative_to(ROOT)),
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    listed: dict[str, Any] = json.loads(said.stdout)
    return listed


if __name__ == "__main__":
    sys.exit(main())
