"""From a URL in the settings to a store of objects."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from vitascope.foundation.errors import Invalid
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.storage.objects import Objects
from vitascope.foundation.storage.s3 import S3Credentials, S3Objects


def open_objects(url: str, *, credentials: S3Credentials | None = None) -> Objects:
    """The store at `file:///folder` or `s3://bucket/folder?endpoint=…&region=…`. Raises Invalid."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return S3Objects(url, credentials=credentials)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path not in {"", "/"}:
        return LocalObjects(Path(unquote(parts.path)))
    raise Invalid("Objects are stored at file:///folder or s3://bucket?endpoint=…&region=….", field="url")
