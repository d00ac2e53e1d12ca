"""The WeCom half of the simulator: a strict local stand-in for the self-built app of ``wire/wecom.md``."""

from simulator.wecom.accounts import AppConfig, Member, open_userid
from simulator.wecom.aibot import Aibot, AibotGroup
from simulator.wecom.aibot_gateway import AibotConfig
from simulator.wecom.callbacks import CallbackAnswer
from simulator.wecom.crypto import AppCipher, Breakage, Envelope, EnvelopeError
from simulator.wecom.errors import ApiError
from simulator.wecom.menu import MenuEntry
from simulator.wecom.platform import WeComPlatform

__all__ = [
    "Aibot",
    "AibotConfig",
    "AibotGroup",
    "ApiError",
    "AppCipher",
    "AppConfig",
    "Breakage",
    "CallbackAnswer",
    "Envelope",
    "EnvelopeError",
    "Member",
    "MenuEntry",
    "WeComPlatform",
    "open_userid",
]
