"""Detection of credentials in what a study would store: others can read folders, jobs and logs."""

from __future__ import annotations

from backsweep.errors import BadInput
from backsweep.printable import holds_secret


def refuse_secret(text: str, where: str) -> None:
    """Raise BadInput if a text holds a credential or a signature, such as `s3://KEY:SECRET@bucket` or `?sig=...`."""
    if holds_secret(text):
        raise BadInput(
            "a secret in a value that is stored and printed",
            where=where,
            expected="an address without user, password, key, token or signature",
            found=text,
            remedy="pass it in the environment: AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or the role of the machine",
        )
