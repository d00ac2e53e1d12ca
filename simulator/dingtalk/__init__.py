"""DingTalk as a strict local server: stream gateway, REST half, cards and phones (``wire/dingtalk.md``)."""

from simulator.dingtalk.cards import Template, TemplateButton
from simulator.dingtalk.people import Group, Member
from simulator.dingtalk.platform import DingTalkPlatform

__all__ = ["DingTalkPlatform", "Group", "Member", "Template", "TemplateButton"]
