"""All settings in one frozen tree: the platform's own sections and one for each service."""

from pathlib import Path
from typing import Annotated, cast

from pydantic import Field, SecretStr, create_model

from vitascope.foundation.config import Section, load
from vitascope.foundation.module import Module
from vitascope.foundation.telemetry.logs import LoggingSettings


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


class HttpSettings(Section):
    """Where pages and the API are served."""

    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="the port to listen on; 0 takes a free one")
    public_url: str | None = Field(
        default=None, description="what people type to get here, for links in mails; default http://host:port"
    )


class RpcSettings(Section):
    """How services in other processes are reached."""

    remotes: dict[str, str] = Field(
        default_factory=dict, description='services that run elsewhere: {"transcoding.jobs": "http://…"}'
    )


class Settings(Section):
    """The tree without the services' sections, which `settings_type` adds."""

    data: Path = Field(default=Path("data"), description="the folder that holds everything")
    database: DatabaseSettings = DatabaseSettings()
    storage: StorageSettings = StorageSettings()
    http: HttpSettings = HttpSettings()
    rpc: RpcSettings = RpcSettings()
    logging: LoggingSettings = LoggingSettings()

    @property
    def public_url(self) -> str:
        """The address of the platform as people see it, without a slash at its end."""
        return (self.http.public_url or f"http://{self.http.host}:{self.http.port}").rstrip("/")


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
