"""The callback envelope of WeCom, sealed, opened, and broken on purpose [90968, 91144]."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 32
"""PKCS#7 pads to 32 bytes here, not to the 16 of AES: pad bytes run from 1 to 32."""

RANDOM_BYTES = 16


class EnvelopeError(ValueError):
    """An envelope that WeCom's own library would refuse; ``code`` is that library's number (-40001 …)."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


class Breakage(StrEnum):
    """Ways in which a hostile or damaged envelope differs from a good one."""

    BAD_SIGNATURE = "bad_signature"  # the signature belongs to something else
    WRONG_RECEIVEID = "wrong_receiveid"  # well signed, but meant for another corp
    STALE_TIMESTAMP = "stale_timestamp"  # well signed a day ago
    PAD_ZERO = "pad_0"  # last byte 0: no PKCS#7 padding at all
    PAD_33 = "pad_33"  # one more than a block
    HUGE_LENGTH = "huge_length"  # the length field promises 2 GB
    SHORT = "short"  # decrypts to fewer bytes than the fixed head has
    RAGGED = "ragged"  # ciphertext that is no multiple of the AES block
    NOT_BASE64 = "not_base64"  # Encrypt is no base64
    BAD_UTF8 = "bad_utf8"  # the decrypted message is no UTF-8
    OTHER_AGENT = "other_agent"  # the outer AgentID names another app
    DTD = "dtd"  # the outer XML carries a document type with entities
    NO_ENCRYPT = "no_encrypt"  # the outer XML has no Encrypt element
    NOT_XML = "not_xml"  # the body is no XML


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A sealed callback as it travels: the signed query and the outer XML."""

    to_user: str
    agentid: str
    encrypt: str
    timestamp: str
    nonce: str
    signature: str
    raw_body: bytes | None = None
    """Overrides the outer XML, for bodies that are broken already there."""

    def query(self) -> dict[str, str]:
        return {"msg_signature": self.signature, "timestamp": self.timestamp, "nonce": self.nonce}

    def body(self) -> bytes:
        if self.raw_body is not None:
            return self.raw_body
        return (
            f"<xml><ToUserName><![CDATA[{self.to_user}]]></ToUserName>"
            f"<AgentID><![CDATA[{self.agentid}]]></AgentID>"
            f"<Encrypt><![CDATA[{self.encrypt}]]></Encrypt></xml>"
        ).encode()


def sign(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    """SHA-1 over the four strings in sorted order, as hex [90968]."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, encrypt))).encode()).hexdigest()


class AppCipher:
    """Seals and opens envelopes with one app's Token and EncodingAESKey.

    The key decodes leniently: published samples use keys whose last character carries stray bits.
    """

    def __init__(self, *, token: str, aes_key: str, receiveid: str) -> None:
        if len(aes_key) != 43:
            raise EnvelopeError(-40004, "EncodingAESKey must have exactly 43 characters")
        try:
            self._key = base64.b64decode(aes_key + "=")
        except binascii.Error as error:
            raise EnvelopeError(-40004, "EncodingAESKey is no base64") from error
        self._token = token
        self._receiveid = receiveid.encode()

    def encrypt(self, message: bytes, *, random: bytes | None = None, breakage: Breakage | None = None) -> str:
        """random(16) + length(4, big endian, bytes) + message + receiveid, padded, AES-CBC, base64."""
        random = random if random is not None else secrets.token_hex(RANDOM_BYTES // 2).encode()
        if breakage is Breakage.BAD_UTF8:
            message = b"\xff\xfe" + message
        length = 0x7FFFFFFF if breakage is Breakage.HUGE_LENGTH else len(message)
        receiveid = b"ww0000000000000000" if breakage is Breakage.WRONG_RECEIVEID else self._receiveid
        frame = random + length.to_bytes(4, "big") + message + receiveid
        if breakage is Breakage.SHORT:
            frame = frame[:10]
        encryptor = self._aes().encryptor()
        cipher = encryptor.update(_pad(frame, breakage)) + encryptor.finalize()
        if breakage is Breakage.RAGGED:
            cipher = cipher[:-5]
        return base64.b64encode(cipher).decode()

    def decrypt(self, encrypt: str) -> bytes:
        """The message inside; refuses whatever is not exactly as WeCom seals it.

        Raises:
            EnvelopeError: -40010 base64, -40007 cipher or padding, -40008 length, -40005 receiveid.
        """
        try:
            cipher = base64.b64decode(encrypt, validate=True)
        except (binascii.Error, ValueError) as error:
            raise EnvelopeError(-40010, "Encrypt is no base64") from error
        if not cipher or len(cipher) % BLOCK:
            raise EnvelopeError(-40007, f"ciphertext of {len(cipher)} bytes is no multiple of {BLOCK}")
        decryptor = self._aes().decryptor()
        padded = decryptor.update(cipher) + decryptor.finalize()
        pad = padded[-1]
        if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise EnvelopeError(-40007, f"padding byte {pad} is not PKCS#7 to {BLOCK}")
        frame = padded[:-pad]
        if len(frame) < RANDOM_BYTES + 4:
            raise EnvelopeError(-40008, "shorter than its fixed head")
        start = RANDOM_BYTES + 4
        end = start + int.from_bytes(frame[RANDOM_BYTES:start], "big")
        if end > len(frame):
            raise EnvelopeError(-40008, "the length field points behind the end")
        if frame[end:] != self._receiveid:
            raise EnvelopeError(-40005, f"receiveid {frame[end:]!r} is not {self._receiveid!r}")
        return frame[start:end]

    def check_signature(self, *, signature: str, timestamp: str, nonce: str, encrypt: str) -> None:
        expected = sign(self._token, timestamp, nonce, encrypt)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise EnvelopeError(-40001, "signature mismatch")

    def seal(
        self,
        message: bytes,
        *,
        timestamp: int,
        nonce: str,
        agentid: int,
        breakage: Breakage | None = None,
    ) -> Envelope:
        """A callback ready to be posted; a ``breakage`` other than the signature is itself well signed."""
        if breakage is Breakage.STALE_TIMESTAMP:
            timestamp -= 86400
        encrypt = self.encrypt(message, breakage=breakage)
        if breakage is Breakage.NOT_BASE64:
            encrypt = "***这不是base64***"
        envelope = Envelope(
            to_user=self._receiveid.decode(),
            agentid=str(agentid + 1 if breakage is Breakage.OTHER_AGENT else agentid),
            encrypt=encrypt,
            timestamp=str(timestamp),
            nonce=nonce,
            signature=sign(self._token, str(timestamp), nonce, encrypt),
        )
        if breakage is Breakage.BAD_SIGNATURE:
            return replace(envelope, signature=sign(self._token + "x", envelope.timestamp, nonce, encrypt))
        if breakage in OUTER_BODIES:
            return replace(envelope, raw_body=OUTER_BODIES[breakage].replace("ENCRYPT", encrypt).encode())
        return envelope

    def _aes(self) -> Cipher[CBC]:
        return Cipher(AES(self._key), CBC(self._key[:16]))


OUTER_BODIES = {
    Breakage.DTD: (
        '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        "<xml><ToUserName>&b;</ToUserName><Encrypt><![CDATA[ENCRYPT]]></Encrypt></xml>"
    ),
    Breakage.NO_ENCRYPT: "<xml><ToUserName><![CDATA[x]]></ToUserName></xml>",
    Breakage.NOT_XML: '{"encrypt": "ENCRYPT"}',
}


def _pad(frame: bytes, breakage: Breakage | None) -> bytes:
    missing = BLOCK - len(frame) % BLOCK
    value = {Breakage.PAD_ZERO: 0, Breakage.PAD_33: 33}.get(breakage, missing) if breakage else missing
    return frame + bytes([value]) * missing
