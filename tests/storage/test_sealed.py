import json
from hashlib import sha256

import pytest

from backsweep.errors import StudyConflict
from backsweep.storage.sealed import checked, sealed, unsealed

CONTENT = {"study": "toy", "first": 8, "files": {"trials": "ab"}}
DIGEST = sha256(b'{"files":{"trials":"ab"},"first":8,"study":"toy"}').hexdigest()
TEXT = f"""{{
  "study": "toy",
  "first": 8,
  "files": {{
    "trials": "ab"
  }},
  "sha256": "{DIGEST}"
}}
"""


def test_a_document_has_two_spaces_a_level_its_keys_in_order_and_the_digest_of_them_sorted():
    assert sealed(CONTENT) == TEXT.encode()
    assert unsealed(TEXT.encode(), "") == CONTENT


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.replace("8", "9"),
        TEXT + "\n",
        TEXT.replace("  ", " "),
        json.dumps(CONTENT),
        json.dumps({**CONTENT, "sha256": DIGEST}),
        "[1]",
        "no JSON",
        "[" * 100_000,
    ],
)
def test_what_is_not_as_it_was_written_is_refused(raw):
    with pytest.raises(StudyConflict, match="the file is not what was written") as caught:
        unsealed(raw.encode(), "study.json")
    assert caught.value.where == "study.json"


def test_a_file_is_passed_on_if_its_digest_is_the_one_that_was_written():
    assert checked(b"abc", sha256(b"abc").hexdigest(), "") == b"abc"
    with pytest.raises(StudyConflict, match="the file is not what was written"):
        checked(b"abc", sha256(b"abd").hexdigest(), "")
