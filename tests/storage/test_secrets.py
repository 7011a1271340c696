"""Addresses that a study would store, and others could read."""

import pytest

from backsweep.errors import BadInput
from backsweep.storage.open import open_files
from backsweep.storage.secrets import refuse_secret


@pytest.mark.parametrize("address", ["s3://KEY:S3CRET@bucket/study", "https://host/study?sig=S3CRET"])
def test_an_address_with_a_secret_is_refused_and_the_secret_not_printed(address):
    for refuse in (lambda: refuse_secret(address, "--out"), lambda: open_files(address)):
        with pytest.raises(BadInput, match="a secret in a value that is stored") as caught:
            refuse()
        assert "S3CRET" not in str(caught.value)
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.remedy
    with pytest.raises(BadInput) as caught:
        refuse_secret(address, "--out")
    assert caught.value.where == "--out"


@pytest.mark.parametrize("address", ["s3://bucket/study", "studies/signal=3", "https://host/study?page=2"])
def test_an_address_without_a_secret_is_taken(address):
    refuse_secret(address, "--out")
