"""An S3 on this machine: moto's server, one request at a time, so that a conditional put is atomic."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from unittest import mock

import obstore
import requests
from moto.server import DomainDispatcherApplication, create_backend_app
from obstore.store import from_url
from werkzeug.serving import make_server


@contextmanager
def s3_server():
    """Serve the bucket `bucket`, and set the environment so that this process finds it; yields its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        with mock.patch.dict(os.environ, environment):
            authorization = "AWS4-HMAC-SHA256 Credential=key/20200101/us-east-1/s3/aws4_request, Signature=x"
            requests.put(f"{address}/bucket", headers={"Authorization": authorization}, timeout=30).raise_for_status()
            yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def s3_content(prefix=""):
    """Return the objects of the bucket, by name."""
    store = from_url("s3://bucket")
    names = [item["path"] for batch in obstore.list(store, prefix or None) for item in batch]
    return {name: bytes(obstore.get(store, name).bytes()) for name in sorted(names)}
