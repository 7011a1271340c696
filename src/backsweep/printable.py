"""Sanitising of text before it is printed or stored: no control characters, no extra lines, no secrets.

Names of assets, columns, files and studies, and errors of other packages, are untrusted. All output passes through
`clean`: every error's fields, every cell of a table, every line of the command line.
"""

from __future__ import annotations

import re

LONGEST = 2000
"""Characters of a text that are shown; the middle of a longer one is left out."""

_HIDDEN = "***"

_NAMES = r"[\w.-]*(?:signature|token|secret|passw(?:or)?d|credential|(?:api|access|account|secret|private)[_-]?key)"

_IN_ADDRESSES = (
    re.compile(  # what stands before an address's `@`: user, key, or key and secret, which may have slashes; not a port
        r"(?P<kept>://)(?:[^\s/?#@'\"]+|[^\s/?#@:'\"]*:(?!\d+(?:[/?#]|$))[^\s'\"?#]*)(?=@)"
    ),
    re.compile(rf"(?P<kept>[?&;](?:{_NAMES}(?:[_-]?id)?|sig|sas|pwd|key|auth)=)[^&;#\s'\"]+", re.IGNORECASE),
    re.compile(r"(?P<kept>\bBearer\s+)[\w.~+/=-]+", re.IGNORECASE),
)
_SECRETS = (*_IN_ADDRESSES, re.compile(rf"(?P<kept>(?<![\w.-]){_NAMES}=)(?!=)[^&;,#\s'\"]+", re.IGNORECASE))


def printable(text: str) -> str:
    r"""Return a text in one line with every character that a terminal would not print written as Python does: `\x1b`.

    Control characters, line ends, those that turn the direction of writing, invisible ones and halves of pairs.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def mask_secrets(text: str) -> str:
    """Replace credentials and signatures in addresses, and values under names such as `account_key=`, by `***`."""
    return _mask(text, _SECRETS)


def holds_secret(text: str) -> bool:
    """Return whether an address holds credentials or a signature; a folder `token=BTC` of data is neither."""
    return _mask(text, _IN_ADDRESSES) != text


def _mask(text: str, secrets: tuple[re.Pattern[str], ...]) -> str:
    for secret in secrets:
        text = secret.sub(rf"\g<kept>{_HIDDEN}", text)
    return text


def clean(text: str) -> str:
    """Return a text in one line, printable, without secrets and not too long."""
    text = mask_secrets(printable(text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
