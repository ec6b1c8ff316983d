"""nginx as the media server: its configuration, made from the same rules as our own answers.

nginx checks the edge signature in the path by itself (`secure_link`) and sends every segment without
asking anybody: decision record 0062.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from vitascope.foundation.errors import Invalid
from vitascope.video.streaming.service.delivery.answers import (
    CHECKED,
    CORS,
    IMMUTABLE,
    MANIFESTS,
    PREFLIGHT,
    TYPES,
)
from vitascope.video.streaming.service.playback import MEDIA

_SAFE = re.compile(r"[A-Za-z0-9_./:@+-]+", re.ASCII)  # nothing that ends a directive or is a variable

# possessive (`++`): a path that does not match fails at once, without trying again in other ways
_PART = "[A-Za-z0-9_][A-Za-z0-9._-]*+"
_NAME = rf"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*+/)*+[A-Za-z0-9_-][A-Za-z0-9._-]*\.(?<vs_suffix>{'|'.join(TYPES)})"
_LOCATION = (
    rf"^{MEDIA}/[A-Za-z0-9_.-]++~(?<vs_until>[0-9]++)~(?<vs_a>{_PART})~(?<vs_b>{_PART})~(?<vs_c>{_PART})"
    rf"~(?<vs_d>{_PART})?~(?<vs_mac>[A-Za-z0-9_-]{{22}})/(?<vs_file>{_NAME})$"
)

_TEMPLATE = Template(
    """\
# Made by `vitascope deploy nginx`; include it within `http { }`. Do not edit: make it again.
# It holds the key of the edge signatures: only root may read it.

map $$vs_suffix $$vitascope_cache_control {
$manifests
    default "$immutable";
}

server {
    listen $listen;
    server_tokens off;
    access_log off; # the paths are the keys
    sendfile on;
    sendfile_max_chunk 2m;
    tcp_nopush on;
    etag on;
    max_ranges 1;
    open_file_cache max=10000 inactive=60s;
    open_file_cache_valid 30s;
    types {
$types
    }

    # TOKEN~expires~tenant~kind~job~attempt~signature/file. The files are named by our packager, so whatever
    # needs decoding, hides or climbs is not among them.
    location ~ "$location" {
        if ($$request_method = OPTIONS) {
            return 418;
        }
        error_page 418 = @vitascope_preflight;
        limit_except GET OPTIONS {
            deny all;
        }
        secure_link $$vs_mac,$$vs_until;
        secure_link_md5 "$key $$vs_until~$$vs_a~$$vs_b~$$vs_c~$$vs_d $key";
        if ($$secure_link = "") {
            return 403;
        }
        if ($$secure_link = "0") {
            return 403;
        }
        alias $objects/$$vs_a/$$vs_b/$$vs_c/$$vs_d/$$vs_file;
        add_header cache-control $$vitascope_cache_control;
$cors
    }

    location @vitascope_preflight {
$preflight
        return 204;
    }

    location / {
        return 404;
    }
}
"""
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the configuration depends on.

    `listen` as nginx takes it (`8090`, `127.0.0.1:8090`); `objects` the folder of the stored objects,
    which nginx must be able to read; `key` that of the edge signatures.
    """

    listen: str
    objects: Path
    key: str


def configuration(site: Site) -> str:
    """The configuration of one site; raises Invalid for a value that nginx would misread."""
    values = {"listen": site.listen, "objects": str(site.objects), "key": site.key}
    for name, value in values.items():
        if not _SAFE.fullmatch(value):
            raise Invalid(f"nginx would misread {value!r}; use letters, digits and . _ / : @ + -", field=name)
    return _TEMPLATE.substitute(
        values,
        manifests="\n".join(f'    {suffix} "{CHECKED}";' for suffix in sorted(MANIFESTS)),
        immutable=IMMUTABLE,
        types="\n".join(f"        {kind.partition(';')[0]} {suffix};" for suffix, kind in TYPES.items()),
        location=_LOCATION,
        cors=_headers(CORS),
        preflight=_headers(PREFLIGHT),
    )


def _headers(headers: Mapping[str, str]) -> str:
    return "\n".join(f'        add_header {name} "{value}";' for name, value in headers.items())
