"""A secret stands in the environment or in a file that nobody else may read; otherwise the bot does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import ConfigError, load

SECRET = "a-secret-that-is-long-enough"


def _config(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600") as by_reference:
        load(_config(tmp_path, f'card_secret = "file:{secret}"\n'))
    with pytest.raises(ConfigError, match="chmod 600") as itself:
        load(_config(tmp_path, f'card_secret = "{SECRET}"\n', mode))

    assert SECRET not in str(by_reference.value) + str(itself.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ones_own_is_read(tmp_path: Path, mode: int) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(mode)

    assert load(_config(tmp_path, f'card_secret = "file:{secret}"\n')).card_secret == SECRET


def test_a_secret_from_the_environment_is_read_and_a_missing_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDS", SECRET)

    assert load(_config(tmp_path, 'card_secret = "env:CARDS"\n')).card_secret == SECRET
    with pytest.raises(ConfigError, match="MISSING_ONE is not set"):
        load(_config(tmp_path, 'card_secret = "env:MISSING_ONE"\n'))
    with pytest.raises(ConfigError, match="is not there"):
        load(_config(tmp_path, 'card_secret = "file:/nowhere/at/all"\n'))


def test_settings_print_no_secret(tmp_path: Path) -> None:
    settings = load(
        _config(
            tmp_path,
            f'card_secret = "{SECRET}"\n[wecom]\nsecret = "{SECRET}1"\ntoken = "{SECRET}2"\naes_key = "{SECRET}3"\n'
            f'[dingtalk]\nclient_secret = "{SECRET}4"\n',
        )
    )

    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.wecom)
