"""The envelope around every callback: who sent it is proved here, before a byte of it is believed [90968].

On the AES of ``cryptography`` directly: wechatpy's wrapper compares signatures with ``!=``, checks no padding
byte, and raises five kinds of exceptions for bad ciphertext (wire 10.1); it is the oracle of the tests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import timedelta

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from bot.wecom.apps import WeComApp
from bot.wecom.wire import WireError
from core.clock import Clock

BLOCK = 32
"""WeCom pads to 32 bytes, not to AES's 16: a full block when nothing is missing."""
HEAD = 16 + 4
"""Random bytes and the length of the message, big endian, in bytes."""
FRESHNESS = timedelta(seconds=600)
"""Whether retries carry a fresh timestamp is not documented: the window is never tighter (wire section 1)."""
MAX_ENCRYPT = 256 * 1024


def signature(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    """SHA-1 over the four strings in sorted order, as hex."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, encrypt))).encode()).hexdigest()


class Envelope:
    """Opens what WeCom sends to one app, and seals what the app answers."""

    def __init__(self, app: WeComApp, clock: Clock) -> None:
        # Lenient about the trailing bits on purpose: published samples use keys that set them.
        key = base64.b64decode(app.aes_key + "=")
        self._aes = Cipher(AES(key), CBC(key[:16]))
        self._token = app.token
        self._receiveid = app.corpid.encode()
        self._clock = clock

    def signed_by_us(self, *, msg_signature: str, timestamp: str, nonce: str, encrypt: str) -> bool:
        """Whether the four parts carry this app's signature, compared in constant time."""
        expected = signature(self._token, timestamp, nonce, encrypt)
        return hmac.compare_digest(expected.encode(), msg_signature.encode())

    def open(self, *, msg_signature: str, timestamp: str, nonce: str, encrypt: str) -> bytes:
        """The message inside, after size, signature, age, padding, length and receiver were checked.

        The age comes after the signature, so that only a genuine envelope can raise the alarm about clocks.

        Raises WireError: 403 ``signature``, ``stale``, ``decrypt``, ``receiveid``; 400 ``oversize``,
        ``timestamp``.
        """
        if len(encrypt) > MAX_ENCRYPT:
            raise WireError(400, "oversize")
        if not self.signed_by_us(msg_signature=msg_signature, timestamp=timestamp, nonce=nonce, encrypt=encrypt):
            raise WireError(403, "signature")
        self._check_age(timestamp)
        return self._decrypt(encrypt)

    def seal(self, message: bytes, *, timestamp: int, nonce: str, random: bytes | None = None) -> str:
        """The XML body of a passive reply around ``message``. ``random`` (16 bytes) is drawn unless given."""
        frame = (random or secrets.token_bytes(16)) + len(message).to_bytes(4, "big") + message + self._receiveid
        missing = BLOCK - len(frame) % BLOCK
        encryptor = self._aes.encryptor()
        cipher = encryptor.update(frame + bytes([missing]) * missing) + encryptor.finalize()
        encrypt = base64.b64encode(cipher).decode()
        signed = signature(self._token, str(timestamp), nonce, encrypt)
        return (
            f"<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signed}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )

    def _check_age(self, timestamp: str) -> None:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise WireError(400, "timestamp")
        age = self._clock.now().timestamp() - int(timestamp)
        if abs(age) > FRESHNESS.total_seconds():
            raise WireError(403, "stale", f"well signed, but {age:.0f} s old by our clock")

    def _decrypt(self, encrypt: str) -> bytes:
        try:
            cipher = base64.b64decode(encrypt, validate=True)
        except (binascii.Error, ValueError) as error:
            raise WireError(403, "decrypt", "no base64") from error
        if not cipher or len(cipher) % BLOCK:
            raise WireError(403, "decrypt", f"{len(cipher)} bytes are no multiple of {BLOCK}")
        decryptor = self._aes.decryptor()
        padded = decryptor.update(cipher) + decryptor.finalize()
        pad = padded[-1]
        if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise WireError(403, "decrypt", "padding")
        frame = padded[:-pad]
        end = HEAD + int.from_bytes(frame[16:HEAD], "big")
        if len(frame) < HEAD or end > len(frame):
            raise WireError(403, "decrypt", "length")
        if not hmac.compare_digest(frame[end:], self._receiveid):
            raise WireError(403, "receiveid")
        return frame[HEAD:end]
