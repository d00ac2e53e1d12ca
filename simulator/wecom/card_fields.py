"""Tables of the five template cards: which field belongs where, and the advised lengths [90236]."""

from __future__ import annotations

NOTICES = frozenset({"text_notice", "news_notice"})
INTERACTIONS = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})
CARD_TYPES = NOTICES | INTERACTIONS
WITH_MENU = NOTICES | {"button_interaction"}
"""Types that may carry an action_menu."""

FIELDS: dict[str, frozenset[str]] = {
    "card_type": CARD_TYPES,
    "task_id": CARD_TYPES,
    "source": CARD_TYPES,
    "main_title": CARD_TYPES,
    "action_menu": WITH_MENU,
    "quote_area": WITH_MENU,
    "emphasis_content": frozenset({"text_notice"}),
    "sub_title_text": frozenset({"text_notice", "button_interaction"}),
    "horizontal_content_list": WITH_MENU,
    "jump_list": NOTICES,
    "card_action": WITH_MENU,
    "card_image": frozenset({"news_notice"}),
    "image_text_area": frozenset({"news_notice"}),
    "vertical_content_list": frozenset({"news_notice"}),
    "button_selection": frozenset({"button_interaction"}),
    "button_list": frozenset({"button_interaction"}),
    "checkbox": frozenset({"vote_interaction"}),
    "select_list": frozenset({"multiple_interaction"}),
    "submit_button": frozenset({"vote_interaction", "multiple_interaction"}),
    "replace_text": INTERACTIONS,
}
"""Top-level field → card types that know it; elsewhere the platform ignores it."""

SUBFIELDS: dict[str, frozenset[str]] = {
    "source": frozenset({"icon_url", "desc", "desc_color"}),
    "action_menu": frozenset({"desc", "action_list"}),
    "action_menu.action_list": frozenset({"text", "key"}),
    "main_title": frozenset({"title", "desc"}),
    "quote_area": frozenset({"type", "url", "appid", "pagepath", "title", "quote_text"}),
    "emphasis_content": frozenset({"title", "desc"}),
    "horizontal_content_list": frozenset({"type", "keyname", "value", "url", "media_id", "userid"}),
    "jump_list": frozenset({"type", "title", "url", "appid", "pagepath"}),
    "card_action": frozenset({"type", "url", "appid", "pagepath", "title"}),
    "card_image": frozenset({"url", "aspect_ratio"}),
    "image_text_area": frozenset({"type", "url", "appid", "pagepath", "title", "desc", "image_url"}),
    "vertical_content_list": frozenset({"title", "desc"}),
    "button_selection": frozenset({"question_key", "title", "option_list", "selected_id", "disable"}),
    "button_selection.option_list": frozenset({"id", "text"}),
    "button_list": frozenset({"type", "text", "style", "key", "url"}),
    "checkbox": frozenset({"question_key", "option_list", "mode", "disable"}),
    "checkbox.option_list": frozenset({"id", "text", "is_checked"}),
    "select_list": frozenset({"question_key", "title", "selected_id", "option_list", "disable"}),
    "select_list.option_list": frozenset({"id", "text"}),
    "submit_button": frozenset({"text", "key"}),
}
"""Fields of each part; others are ignored by the platform and reported as a warning."""

ADVISED: dict[str, int] = {
    "source.desc": 20,
    "main_title.title": 36,
    "main_title.desc": 44,
    "emphasis_content.title": 14,
    "emphasis_content.desc": 22,
    "sub_title_text": 160,
    "horizontal_content_list.keyname": 5,
    "horizontal_content_list.value": 30,
    "jump_list.title": 18,
    "vertical_content_list.title": 38,
    "vertical_content_list.desc": 160,
    "button_selection.option_list.text": 16,
    "button_list.text": 10,
    "checkbox.option_list.text": 17,
    "select_list.option_list.text": 16,
    "submit_button.text": 10,
}
"""Advised characters (“建议”): the client cuts what is longer, the platform does not refuse it."""
