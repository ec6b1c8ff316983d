"""All settings in one frozen tree: the platform's own sections and one for each service."""

import os
import socket
from pathlib import Path
from typing import Annotated, TypeVar, cast

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter, create_model

from vitascope.foundation.config import Section, load
from vitascope.foundation.db.server.account import account_for
from vitascope.foundation.errors import Conflict
from vitascope.foundation.mail.mailer import MailSettings
from vitascope.foundation.module import Module
from vitascope.foundation.telemetry.logs import LoggingSettings

_HTTP = TypeAdapter(HttpUrl)


class DatabaseSettings(Section):
    """Where PostgreSQL is."""

    url: SecretStr | None = Field(
        default=None,
        description="an administrator's postgresql:// address; without one, an embedded server is run",
    )
    pool: int = Field(default=8, ge=2, le=200, description="connections of one process")


class StorageSettings(Section):
    """Where objects are."""

    url: SecretStr | None = Field(
        default=None, description="file:///folder or s3://bucket?endpoint=…; without one, the data folder"
    )
    access_key: str | None = Field(default=None, description="the access key of S3")
    secret_key: SecretStr | None = Field(default=None, description="the secret key of S3")


class CountersSettings(Section):
    """Where rate limits are counted."""

    url: SecretStr = Field(
        default=SecretStr("memory://"), description="memory://, or redis://… to count over all processes"
    )


class HttpSettings(Section):
    """Where pages and the API are served."""

    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="the port to listen on; 0 takes a free one")
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="addresses or networks of proxies whose X-Forwarded-For and -Proto are believed",
    )
    public_url: str | None = Field(
        default=None, description="what people type to get here, for links in mails; default http://host:port"
    )


def _address(text: str) -> str:
    """The address of a process, as it was written; raises ValueError."""
    _HTTP.validate_python(text)
    return text.rstrip("/")


class RpcSettings(Section):
    """How services in other processes are reached."""

    remotes: dict[str, Annotated[str, AfterValidator(_address)]] = Field(
        default_factory=dict, description='services that run elsewhere: {"transcoding.jobs": "http://…"}'
    )


class Settings(Section):
    """The tree without the services' sections, which `settings_type` adds."""

    data: Path = Field(default=Path("data"), description="the folder that holds everything")
    master_key: SecretStr | None = Field(
        default=None,
        min_length=43,
        description="32 random bytes in Base64, the same on every machine; else kept in the data folder",
    )
    database: DatabaseSettings = DatabaseSettings()
    storage: StorageSettings = StorageSettings()
    counters: CountersSettings = CountersSettings()
    http: HttpSettings = HttpSettings()
    mail: MailSettings = MailSettings()
    rpc: RpcSettings = RpcSettings()
    ffmpeg: Path | None = Field(default=None, description="an ffmpeg to use instead of the wheel's")
    ffprobe: Path | None = Field(default=None, description="an ffprobe to use instead of the wheel's")
    packager: Path | None = Field(default=None, description="a Shaka Packager to use instead of the wheel's")
    logging: LoggingSettings = LoggingSettings()

    @property
    def public_url(self) -> str:
        """The address of the platform as people see it, without a slash at its end."""
        return (self.http.public_url or f"http://{self.http.host}:{self.http.port}").rstrip("/")


S = TypeVar("S", bound=Settings)

_ROOTS_DATA = Path("/var/lib/vitascope")


class AddressInUse(Conflict):
    """The address cannot be listened on; choose another."""


def settings_type(modules: tuple[Module, ...]) -> type[Settings]:
    """The whole tree: a service's section stands under its name, `video_upload` for `video.upload`."""
    sections = {
        section_name(one): (Annotated[one.settings, Field(description=one.name)], one.settings())
        for one in modules
        if one.settings is not None
    }
    made = create_model("Settings", __base__=Settings, **sections)  # type: ignore[call-overload]  # fields by name
    return cast("type[Settings]", made)


def section_name(module: Module) -> str:
    """The name of a service's section."""
    return module.name.replace(".", "_")


def read_settings(modules: tuple[Module, ...]) -> Settings:
    """Read variables and file; raises `ConfigurationError` naming what is wrong."""
    return load(settings_type(modules))


def overruled(settings: S, *, data: Path | None, host: str | None, port: int | None) -> S:
    """The settings with what the command line says."""
    given = {"host": host, "port": port}
    http = settings.http.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    chosen = data or (settings.data if "data" in settings.model_fields_set else default_folder())
    return settings.model_copy(update={"http": http, "data": chosen.resolve()})


def default_folder() -> Path:
    """`data` in the working folder, or a place of the system's when root works where PostgreSQL may not.

    PostgreSQL refuses to run as root, and the account that root lends it may not enter root's home.
    """
    here = Path("data").resolve()
    reachable = os.geteuid() != 0 or account_for(here / "postgresql/cluster").can_reach(here.parent)
    return here if reachable else _ROOTS_DATA


def at_port(settings: S, port: int) -> S:
    """The settings with the port that was really taken."""
    return settings.model_copy(update={"http": settings.http.model_copy(update={"port": port})})


def listen(http: HttpSettings) -> socket.socket:
    """The listening socket: held by the parent, so that a restarted web process loses no connection.

    Raises `AddressInUse`.
    """
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        return socket.create_server((http.host, http.port), family=family, backlog=1024)
    except OSError as failure:
        raise AddressInUse(
            f"{http.host}:{http.port} cannot be listened on ({failure.strerror}); choose another --port.",
            field="VITASCOPE_HTTP_PORT",
        ) from failure
