"""Run as a program: dingtalk-sdk's crypto on the published vectors of the event envelope. Prints JSON.

Not a test module: the SDK's imports warn. Vectors: DingTalk's own callback-crypto samples.
"""

from __future__ import annotations

import json

from dingtalk.crypto import DingTalkCrypto

CHECK_URL = (
    "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELO"
    "FchzNukR+t8SB/qk4ROMu3"
)
CREATE_SUITE = (
    "1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9"
    "VrYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ=="
)

one = DingTalkCrypto("mryue", "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7", "ding6ccabc44d2c8d38b")
two = DingTalkCrypto("123456", "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij", "suite4xxxxxxxxxxxxxxx")
chinese = one.encrypt_message("订单 1042 已通过", "nonce123", "1608001896814")

print(
    json.dumps(
        {
            "check_url": one.decrypt_encrypt_str(
                "03044561471240d4a14bb09372dfcfd4fd0e40cb", "1608001896814", "WL4PK6yA", CHECK_URL
            ),
            "create_suite": two.decrypt_encrypt_str(
                "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0", "1445827045067", "nEXhMP4r", CREATE_SUITE
            ),
            "chinese": one.decrypt_encrypt_str(
                chinese["msg_signature"], chinese["timeStamp"], chinese["nonce"], chinese["encrypt"]
            ),
        }
    )
)
