"""The headers of tus 1.0.0, read and written: https://tus.io/protocols/resumable-upload."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from vitascope.foundation.errors import Invalid, PreconditionFailed, VitascopeError
from vitascope.video.upload.contracts import Upload, UploadId
from vitascope.video.upload.service.checksum import ALGORITHMS, Checksum, UnknownChecksum
from vitascope.video.upload.service.uploads import NewUpload

VERSION = "1.0.0"
OFFSET_TYPE = "application/offset+octet-stream"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "checksum",
    "termination",
    "expiration",
    "concatenation",
)
_METADATA_BYTES = 4096
_MOST_PARTS = 100
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_KEY = re.compile(r"[!-+\--~]{1,100}", re.ASCII)  # printable, without space and comma
_TRUE = frozenset({"true", "1", "yes", "on"})


class UnsupportedTusVersion(PreconditionFailed):
    """Every request but OPTIONS carries Tus-Resumable: 1.0.0."""


class BadHeader(VitascopeError):
    """A header of this request cannot be read."""

    status = 400


class WrongContentType(VitascopeError):
    """The bytes of an upload are sent as application/offset+octet-stream."""

    status = 415


def require_version(headers: Mapping[str, str]) -> None:
    """Raise unless the client speaks our version."""
    if headers.get("tus-resumable") != VERSION:
        raise UnsupportedTusVersion(field="Tus-Resumable")


def require_content_type(headers: Mapping[str, str]) -> None:
    """Raise unless the body is declared as an upload's bytes."""
    if not has_bytes(headers):
        raise WrongContentType(field="Content-Type")


def has_bytes(headers: Mapping[str, str]) -> bool:
    """Whether the body is declared as an upload's bytes."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == OFFSET_TYPE


def number(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a number of bytes, or None where it is missing."""
    given = headers.get(name.lower())
    if given is None:
        return None
    if not _NUMBER.fullmatch(given.strip()):
        raise BadHeader(f"{name} is a whole number of bytes, not negative.", field=name)
    return int(given)


def required_number(headers: Mapping[str, str], name: str) -> int:
    """A header that is a number of bytes and must be there."""
    found = number(headers, name)
    if found is None:
        raise BadHeader(f"{name} is missing.", field=name)
    return found


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Upload-Checksum, or None where it is missing."""
    given = headers.get("upload-checksum")
    if given is None:
        return None
    algorithm, _, text = given.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise UnknownChecksum(field="Upload-Checksum")
    try:
        found = Checksum(algorithm=algorithm, digest=base64.b64decode(text.strip(), validate=True))
    except ValueError as error:  # binascii.Error is one; so is what is not ASCII
        raise UnknownChecksum(field="Upload-Checksum") from error
    if len(found.digest) != found.start().digest_size:
        raise UnknownChecksum(field="Upload-Checksum")
    return found


def new_upload(headers: Mapping[str, str]) -> NewUpload:
    """What a creation request says of the upload."""
    concat = headers.get("upload-concat")
    if concat is not None and concat != "partial" and not concat.startswith("final;"):
        raise BadHeader("Upload-Concat is `partial`, or `final;` and addresses.", field="Upload-Concat")
    metadata = headers.get("upload-metadata")
    said = read_metadata(metadata or "")
    return NewUpload(
        length=None if _is_final(concat) else _length(headers),
        filename=said.get("filename") or said.get("name", ""),
        filetype=said.get("filetype") or said.get("type"),
        title=said.get("title"),
        publish=said.get("publish", "").lower() in _TRUE,
        metadata=metadata,
        concat=concat,
    )


def parts_to_join(concat: str | None) -> list[UploadId] | None:
    """The uploads that a final one is joined from, or None for any other."""
    if concat is None or not _is_final(concat):
        return None
    addresses = concat.removeprefix("final;").split()
    if len(addresses) > _MOST_PARTS:
        raise BadHeader(f"At most {_MOST_PARTS} parts can be joined.", field="Upload-Concat")
    try:
        return [UploadId(one.rstrip("/").rpartition("/")[2]) for one in addresses]
    except ValueError as error:
        raise Invalid("Upload-Concat names an address that is no upload.", field="Upload-Concat") from error


def read_metadata(header: str) -> dict[str, str]:
    """Upload-Metadata: keys with base 64 values, parted by commas; a key may stand without a value."""
    if len(header) > _METADATA_BYTES:
        raise BadHeader(f"Upload-Metadata has at most {_METADATA_BYTES} characters.", field="Upload-Metadata")
    said: dict[str, str] = {}
    for pair in filter(None, (one.strip() for one in header.split(","))):
        key, _, value = pair.partition(" ")
        if not _KEY.fullmatch(key) or key in said:
            raise BadHeader(
                "Upload-Metadata has a key that is unreadable or twice there.", field="Upload-Metadata"
            )
        said[key] = _text(value.strip())
    return said


def describe(upload: Upload) -> dict[str, str]:
    """The headers that tell a client how an upload stands."""
    told = {
        "Upload-Offset": None if upload.is_joined and upload.completed_at is None else str(upload.received),
        "Upload-Length": None if upload.length is None else str(upload.length),
        "Upload-Defer-Length": "1" if upload.length is None else None,
        "Upload-Metadata": upload.metadata,
        "Upload-Concat": upload.concat,
        **progress(upload),
    }
    return {name: value for name, value in told.items() if value is not None}


def progress(upload: Upload) -> dict[str, str]:
    """The headers that follow each addition."""
    told = {"Upload-Offset": str(upload.received)} if not upload.is_joined else {}
    if upload.completed_at is None:
        told["Upload-Expires"] = _http_date(upload.expires_at)
    return told


def _length(headers: Mapping[str, str]) -> int | None:
    length, defers = number(headers, "Upload-Length"), headers.get("upload-defer-length")
    if defers not in {None, "1"}:
        raise BadHeader("Upload-Defer-Length is 1 or left out.", field="Upload-Defer-Length")
    if (length is None) == (defers is None):
        raise BadHeader("Give either Upload-Length or Upload-Defer-Length: 1.", field="Upload-Length")
    return length


def _is_final(concat: str | None) -> bool:
    return concat is not None and concat.startswith("final;")


def _text(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode(errors="replace")
    except ValueError as error:  # binascii.Error is one; so is what is not ASCII
        raise BadHeader(
            "Upload-Metadata has a value that is not base 64.", field="Upload-Metadata"
        ) from error


def _http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)
