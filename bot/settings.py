"""config.toml and JIEDAN_* variables. A wrong key names itself; a test holds config.example.toml to this."""

from __future__ import annotations

import os
import stat
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.dingtalk.settings import API_BASE as DINGTALK_API
from bot.dingtalk.settings import MARKDOWN_BUTTON_TEMPLATE, OAPI_BASE
from bot.wecom.aibot.settings import AIBOT_URL
from bot.wecom.apps import API_BASE as WECOM_API


class ConfigError(Exception):
    """A setting is missing, unknown or of the wrong kind; the message names the key and what it wants."""


OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
"""Nobody but the owner may read or change what holds a secret."""


def _referenced(value: str) -> str:
    """``env:NAME`` and ``file:/path`` stand for a secret kept elsewhere. Raises ValueError when it is not there."""
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if name not in os.environ:
            raise ValueError(f"environment variable {name} is not set")
        return os.environ[name]
    if value.startswith("file:"):
        path = Path(value.removeprefix("file:"))
        if not path.is_file():
            raise ValueError(f"secret file {path} is not there")
        if path.stat().st_mode & OTHERS:
            raise ValueError(f"{path} holds a secret and may be read by others; run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    return value


Secret = Annotated[str, AfterValidator(_referenced)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WeComSection(_Section):
    """The self-built app (企业微信 自建应用)."""

    enabled: bool = False
    corpid: str = ""
    agentid: int = 0
    secret: Secret = Field(default="", repr=False)
    token: Secret = Field(default="", repr=False)
    aes_key: Secret = Field(default="", repr=False)
    base_url: str = WECOM_API
    aibot_id: str = ""
    aibot_secret: Secret = Field(default="", repr=False)
    aibot_url: str = AIBOT_URL


class DingTalkSection(_Section):
    """The robot app (钉钉 企业内部应用, Stream mode)."""

    enabled: bool = False
    corp_id: str = ""
    client_id: str = ""
    client_secret: Secret = Field(default="", repr=False)
    robot_code: str = ""
    card_template_id: str = MARKDOWN_BUTTON_TEMPLATE
    sockets: int = 2
    api_base: str = DINGTALK_API
    oapi_base: str = OAPI_BASE
    monthly_api_calls: int = 5000
    monthly_stream: int = 3000


class RulesSection(_Section):
    draft_hours: float = 2
    approval_hours: float = 4
    approval_reminder_minutes: int = 30
    expedite_alarm_hours: float = 2
    business_clock: bool = True
    claim_minutes: int = 20
    duplicate_minutes: int = 30
    max_reds: int = 3


class ChecksSection(_Section):
    safety_percent: int = 200
    most_pieces: int = 9999
    low_score: float = 0.85


class CalendarSection(_Section):
    workdays: list[date] = []
    """Days worked although the calendar says holiday (调班)."""
    holidays: list[date] = []
    """Days off although the calendar says workday."""


class OcrSection(_Section):
    workers: int = 1
    timeout_seconds: float = 60.0
    recycle_after: int = 200


class Settings(BaseSettings):
    """Everything a deployment may set. Secrets may stand as ``env:NAME`` or ``file:/path``."""

    model_config = SettingsConfigDict(env_prefix="JIEDAN_", env_nested_delimiter="__", extra="forbid", frozen=True)
    config_file: ClassVar[Path | None] = None

    host: str = "0.0.0.0"  # noqa: S104 - a server behind the platform's callback
    port: int = 8900
    database_url: str = "sqlite+aiosqlite:///var/jiedan.db"
    redis_url: str = ""
    replicas: int = 1
    replica: str = Field(default="1", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Names the spool of this replica; the same after a restart, another one on every replica."""
    spool_dir: str = ""
    drain_seconds: float = 1.0
    files_dir: str = "var/files"
    anchor_file: str = ""
    heartbeat_url: Secret = Field(default="", repr=False)
    heartbeat_seconds: float = 60.0
    backup_dir: str = ""
    backup_keep: int = Field(default=14, ge=1)
    public_url: str = ""
    card_secret: Secret = Field(default="", repr=False)
    log_level: str = "INFO"
    wecom: WeComSection = WeComSection()
    dingtalk: DingTalkSection = DingTalkSection()
    rules: RulesSection = RulesSection()
    checks: ChecksSection = ChecksSection()
    calendar: CalendarSection = CalendarSection()
    ocr: OcrSection = OcrSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults."""
        if cls.config_file is None:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=cls.config_file)


def load(path: Path | None, **overrides: Any) -> Settings:
    """Settings from the file (if any), the environment and ``overrides``. Raises ConfigError naming the key."""
    if path is not None and not path.is_file():
        raise ConfigError(f"config file {path} is not there; copy config.example.toml and fill it in")
    if path is not None and path.stat().st_mode & OTHERS:
        raise ConfigError(f"{path} holds secrets and may be read by others; run: chmod 600 {path}")
    chosen = type(
        "Settings", (Settings,), {"config_file": path, "__annotations__": {"config_file": ClassVar[Path | None]}}
    )
    try:
        settings: Settings = chosen(**overrides)
    except ValidationError as error:
        lines = [f"{'.'.join(str(x) for x in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ConfigError("wrong settings: " + "; ".join(lines)) from None
    problems = [*_incomplete(settings)]
    if problems:
        raise ConfigError("wrong settings: " + "; ".join(problems))
    return settings


def _incomplete(settings: Settings) -> list[str]:
    """What an enabled platform still wants."""
    wanted = []
    if settings.wecom.enabled:
        wanted += [
            f"wecom.{k}: is needed when wecom.enabled"
            for k in ("corpid", "agentid", "secret", "token", "aes_key")
            if not getattr(settings.wecom, k)
        ]
        if settings.wecom.aibot_id and not settings.wecom.aibot_secret:
            wanted.append("wecom.aibot_secret: is needed with wecom.aibot_id (长连接 Secret)")
    if settings.dingtalk.enabled:
        wanted += [
            f"dingtalk.{k}: is needed when dingtalk.enabled"
            for k in ("corp_id", "client_id", "client_secret")
            if not getattr(settings.dingtalk, k)
        ]
    if (settings.wecom.enabled or settings.dingtalk.enabled) and len(settings.card_secret) < 16:
        wanted.append("card_secret: at least 16 characters, it signs the buttons of every card")
    return wanted
