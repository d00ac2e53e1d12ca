"""The papers of the project say what the code does: settings, commands, sentences, sizes."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bot.settings import Settings
from handlers.texts import SENTENCES

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.zh-CN.md")
GUIDES = (*READMES, "CONTRIBUTING.md", "ARCHITECTURE.md")

MOST_LINES = 400
MOST_LINES_OF_CASES = 500
"""A file of tests is a list of cases, read one at a time."""
LONGER_ON_PURPOSE = {
    "handlers/texts.py": "the one catalogue of sentences",
    "core/ports.py": "the one page of what core asks of the outside",
}
DATA = ("requirements/", "storage/migrations/versions/", "LICENSE")

REGISTRY_HOSTS = re.compile(
    r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|/py[p]i/|/simple/?\s*$|--(?:extra-)?index-url|--find-links"
    r"|mirrors\.\w+\.|pypi\.\w+\.(?:com|cn|edu)"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work|mnt|opt/(?!jiedan)\w+)/|[A-Z]:\\Users")


def tracked() -> list[str]:
    """Every file that is committed or about to be."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.fail(f"git cannot list the files: {listed.stderr}")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def text_of(name: str) -> str | None:
    """The text of a file, None for pictures and other binaries."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


# ---------------------------------------------------------------- settings


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """``section.key`` → default of a settings model."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {f"{name}.{key}": value for key, value in keys_of(kind).items()}
        else:
            found[name] = info.get_default(call_default_factory=True)
    return found


def example() -> dict[str, Any]:
    """``section.key`` → value of config.example.toml."""
    found: dict[str, Any] = {}
    for name, value in tomllib.loads((ROOT / "config.example.toml").read_text(encoding="utf-8")).items():
        found |= {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
    return found


def test_every_setting_stands_in_the_example_with_its_default() -> None:
    assert example() == keys_of(Settings)


def test_every_key_of_the_example_has_a_comment() -> None:
    lines = (ROOT / "config.example.toml").read_text(encoding="utf-8").splitlines()

    bare = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if re.match(r"\w+ =", line) and not above.startswith(("#", "[")) and not re.match(r"\w+ =", above)
    ]

    assert bare == []


# ---------------------------------------------------------------- what may not be in any file


@pytest.mark.parametrize("pattern", [REGISTRY_HOSTS, MACHINE_PATHS], ids=["registry hosts", "machine paths"])
def test_no_file_names_a_registry_or_a_place_on_some_machine(pattern: re.Pattern[str]) -> None:
    this = Path(__file__).relative_to(ROOT).as_posix()

    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name in tracked()
        if name != this and (text := text_of(name)) is not None
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]

    assert found == []


def test_files_can_be_read_in_one_sitting() -> None:
    lines = {
        name: len((text_of(name) or "").splitlines())
        for name in tracked()
        if name.endswith((".py", ".js", ".css", ".html", ".md", ".sh", ".toml", ".yml"))
        and not name.startswith(DATA)
        and name not in LONGER_ON_PURPOSE
    }

    long = {
        name: count
        for name, count in lines.items()
        if count > (MOST_LINES_OF_CASES if name.startswith("tests/") else MOST_LINES)
    }

    assert long == {}


# ---------------------------------------------------------------- guides


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("guide", GUIDES)
def test_every_make_command_of_a_guide_exists(guide: str) -> None:
    text = (ROOT / guide).read_text(encoding="utf-8")
    code = "\n".join(block or inline for block, inline in re.findall(r"```.*?\n(.*?)```|`([^`\n]+)`", text, re.DOTALL))

    named = set(re.findall(r"\bmake ([a-z]+)", code))

    assert named <= targets()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_a_guide_links_to_exists(guide: str) -> None:
    text = (ROOT / guide).read_text(encoding="utf-8")

    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_both_readmes_have_the_same_headings_and_commands() -> None:
    chinese, english = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.zh-CN.md", "README.md"))

    def outline(text: str) -> list[int]:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]

    def commands(text: str) -> list[list[str]]:
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        return [[line.partition("#")[0].rstrip() for line in block.splitlines()] for block in blocks]

    assert outline(chinese) == outline(english)
    assert commands(chinese) == commands(english)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")

    assert "make check test" in script
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


# ---------------------------------------------------------------- sentences

OWN_ARGUMENTS = {"say": {"priority"}, "once": {"key"}, "DomainError": set(), "PictureRefused": set()}
"""What the call takes for itself; everything else goes to the sentence."""
POSITION = {"say": 1, "once": 1, "DomainError": 0, "PictureRefused": 0}


def sentences_used() -> Iterator[tuple[str, str, list[str], bool]]:
    """(place, sentence, names of its arguments, whether more come by ``**``) of every literal use in the code."""
    for name in tracked():
        if not name.endswith(".py") or name.split("/")[0] not in ("bot", "core", "handlers"):
            continue
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = POSITION.get(called)
            if place is None or len(node.args) <= place:
                continue
            sentence = node.args[place]
            if isinstance(sentence, ast.Constant) and isinstance(sentence.value, str):
                names = [k.arg for k in node.keywords if k.arg is not None and k.arg not in OWN_ARGUMENTS[called]]
                yield f"{name}:{node.lineno}", sentence.value, names, any(k.arg is None for k in node.keywords)


def test_every_sentence_that_is_said_is_in_the_catalogue_and_takes_its_arguments() -> None:
    wrong, count = [], 0

    for place, sentence, names, more in sentences_used():
        count += 1
        written = SENTENCES.get(sentence)
        if written is None:
            wrong.append(f"{place}: nobody wrote {sentence!r}")
            continue
        signature = inspect.signature(written)
        try:
            (signature.bind_partial if more else signature.bind)(**dict.fromkeys(names))
        except TypeError as error:
            wrong.append(f"{place}: {sentence}: {error}")

    assert wrong == []
    assert count > 100
