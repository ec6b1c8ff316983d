"""The demo's tenant and account, made as the platform itself would for a first customer."""

import asyncio
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from vitascope.foundation.context import PLATFORM, Context
from vitascope.foundation.db.server.endpoint import Endpoint
from vitascope.foundation.wiring import Container
from vitascope.identity.tenants.contracts import TenantAdministration
from vitascope.identity.users.contracts import Accounts, Role
from vitascope.runtime.assembly import assemble, close
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import Settings
from vitascope.runtime.startup import database

_EMAIL = "demo@vitascope.example"
_TENANT = {"sign_up": "open", "new_account_role": "editor"}


@dataclass(frozen=True)
class DemoAccount:
    """What the demo signs in with; kept in the data folder, readable by its owner only."""

    email: str
    password: str


def demo_account(settings: Settings) -> DemoAccount:
    """The account of this data folder, made with its tenant when it is first asked for."""
    kept = settings.data / "demo-account.json"
    if kept.exists():
        return DemoAccount(**json.loads(kept.read_text(encoding="utf-8")))
    account = DemoAccount(email=_EMAIL, password=secrets.token_urlsafe(12))
    with database(settings) as endpoint:
        asyncio.run(_make(settings, endpoint, account))
    _keep(kept, account)
    return account


async def _make(settings: Settings, endpoint: Endpoint, account: DemoAccount) -> None:
    container: Container = assemble(settings, endpoint=endpoint, modules=MODULES)
    try:
        tenants = container.get(TenantAdministration)  # type: ignore[type-abstract]  # a contract
        accounts = container.get(Accounts)  # type: ignore[type-abstract]  # the same
        tenant = await tenants.create(
            slug="demo", name="Demo studio", hosts=("127.0.0.1", "localhost"), settings=_TENANT
        )
        ctx = Context(tenant=tenant.id, principal=PLATFORM)
        await accounts.create(
            ctx, email=account.email, password=account.password, name="Demo", role=Role.OWNER
        )
    finally:
        await close(container)


def _keep(path: Path, account: DemoAccount) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(account), file)
