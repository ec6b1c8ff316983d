"""Sessions, API keys and signing keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_SCHEMA = "identity_auth"
_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")


def upgrade() -> None:
    create_schema(_SCHEMA)
    _create_sessions()
    _create_api_keys()
    protect(*(f"{_SCHEMA}.{table}" for table in ("families", "refresh_tokens", "api_keys")))
    _create_signing_keys()


def _create_sessions() -> None:
    op.create_table(
        "families",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        _instant("started_at"),
        _instant("expires_at"),
        _instant("revoked_at", nullable=True),
        sa.Column("revoked_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_families")),
        schema=_SCHEMA,
    )
    op.create_index(op.f("ix_families_expires_at"), "families", ["expires_at"], schema=_SCHEMA)
    op.create_table(
        "refresh_tokens",
        _tenant(),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("family", sa.Uuid(), nullable=False),
        _instant("expires_at"),
        _instant("used_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "hash", name=op.f("pk_refresh_tokens")),
        schema=_SCHEMA,
    )
    op.create_index(
        op.f("ix_refresh_tokens_tenant_id_family"), "refresh_tokens", ["tenant_id", "family"], schema=_SCHEMA
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        _instant("created_at"),
        _instant("expires_at", nullable=True),
        _instant("last_used_at", nullable=True),
        _instant("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("tenant_id", "hash", name=op.f("uq_api_keys_tenant_id_hash")),
        schema=_SCHEMA,
    )
    op.create_index(
        op.f("ix_api_keys_tenant_id_account"), "api_keys", ["tenant_id", "account"], schema=_SCHEMA
    )


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        _instant("signs_from"),
        _instant("signs_until"),
        _instant("verifies_until"),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
        schema=_SCHEMA,
    )
    op.execute("REVOKE ALL ON identity_auth.signing_keys FROM vitascope_app")


def _tenant() -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
