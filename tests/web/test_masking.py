"""What a stored message shows of people: enough to decide on, no more."""

from __future__ import annotations

import pytest

from bot.web.masking import HIDDEN, masked, masked_tree, words_in


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("联系 13812345678 王工", "联系 138****5678 王工"),
        ("021-62345678", "021-****5678"),
        ("送到 漕宝路100号3栋502", "送到 漕宝路…"),
        ("收货地址:上海市闵行区A座 20个", "收货地址:… 20个"),
        ("K0231 04465-0K240 20个, 后天要", "K0231 04465-0K240 20个, 后天要"),
    ],
)
def test_phones_and_addresses_are_left_out_and_orders_stay(said: str, shown: str) -> None:
    assert masked(said) == shown


def test_codes_and_handles_are_hidden_whole_wherever_they_are() -> None:
    tree = {"message": {"Content": "13812345678", "ResponseCode": "abc"}, "sessionWebhook": "https://x/?t=1", "n": [1]}

    assert masked_tree(tree) == {
        "message": {"Content": "138****5678", "ResponseCode": HIDDEN},
        "sessionWebhook": HIDDEN,
        "n": [1],
    }


def test_the_words_are_found_where_either_messenger_puts_them() -> None:
    assert words_in({"agentid": 1, "message": {"MsgType": "text", "Content": "20个"}}) == "20个"
    assert words_in({"msgtype": "text", "text": {"content": "20个"}}) == "20个"
    assert words_in({"message": {"MediaId": "m"}}) == ""
