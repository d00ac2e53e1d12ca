"""The command line as an operator uses it: real processes, plain answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from storage.database import SqlDatabase


def jiedan(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "JIEDAN_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'jiedan.db'}", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "bot", *args], env=env, capture_output=True, text=True, timeout=60, check=False
    )


async def test_templates_import_export_and_verify_work_one_after_the_other(tmp_path: Path) -> None:
    book = tmp_path / "masters.xlsx"

    assert "已生成模板" in jiedan(tmp_path, "templates", str(book)).stdout
    dry = jiedan(tmp_path, "import", str(book))
    assert "没有写入" in dry.stdout
    assert dry.returncode == 0
    assert "已导出" in jiedan(tmp_path, "export", str(tmp_path / "out.xlsx")).stdout
    assert "全部完好" in jiedan(tmp_path, "audit", "verify").stdout
    assert jiedan(tmp_path, "parked", "list").returncode == 0


def test_a_file_that_is_no_workbook_and_a_wrong_setting_are_answered_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "masters.xlsx"
    broken.write_bytes(b"PK\x03\x04 not a workbook")
    config = tmp_path / "config.toml"
    config.write_text("prot = 8900\n")
    config.chmod(0o600)

    refused = jiedan(tmp_path, "import", str(broken))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    wrong = jiedan(tmp_path, "run", "-c", str(config))
    assert wrong.returncode == 2
    assert "prot" in wrong.stderr
    config.chmod(0o644)
    assert "chmod 600" in jiedan(tmp_path, "run", "-c", str(config)).stderr
    assert "都没有启用" in jiedan(tmp_path, "run").stderr


async def test_a_database_that_a_running_bot_holds_is_said_to_be_so(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path / 'jiedan.db'}")
    await database.migrate()

    busy = jiedan(tmp_path, "parked", "list")

    assert busy.returncode == 1
    assert "机器人正在使用这个库" in busy.stderr
    assert "Traceback" not in busy.stderr
    await database.close()
