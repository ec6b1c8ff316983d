"""Where an upload's bytes lie in the object store. No name that a client gave is part of a key."""

from collections.abc import Iterable
from uuid import UUID

from vitascope.foundation.context import TenantId
from vitascope.foundation.storage.keys import ObjectKey
from vitascope.video.upload.contracts import UploadId


def folder_of(tenant: TenantId, upload: UploadId) -> str:
    """The prefix of everything that belongs to the upload."""
    return f"{tenant}/uploads/{upload}/"


def source_key(tenant: TenantId, upload: UploadId) -> ObjectKey:
    """The whole file."""
    return ObjectKey(f"{folder_of(tenant, upload)}source")


def part_key(tenant: TenantId, upload: UploadId, *, start: int, writer: UUID) -> ObjectKey:
    """One piece: two writers at the same place of the file never write the same object."""
    return ObjectKey(f"{folder_of(tenant, upload)}parts/{start:016}-{writer.hex}")


def folders_of_parts(keys: Iterable[str]) -> list[str]:
    """The prefixes below which these pieces lie: several, when parts of a parallel upload were joined."""
    return sorted({key.rpartition("/")[0] + "/" for key in keys})
