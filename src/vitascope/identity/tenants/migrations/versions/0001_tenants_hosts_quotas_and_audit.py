"""Tenants, their hosts and quotas, and an audit log that can only grow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_SCHEMA = "identity_tenants"
_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")


def upgrade() -> None:
    create_schema(_SCHEMA)
    _create_tenants()
    _create_audit()
    protect(*(f"{_SCHEMA}.{table}" for table in ("tenants", "hosts", "quotas", "audit")))
    _make_append_only()


def _create_tenants() -> None:
    op.create_table(
        "tenants",
        _tenant(),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenants_slug")),
        schema=_SCHEMA,
    )
    op.create_index(
        "uq_tenants_is_default",
        "tenants",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        schema=_SCHEMA,
    )
    op.create_table(
        "hosts",
        _tenant(),
        sa.Column("host", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "host", name=op.f("pk_hosts")),
        sa.UniqueConstraint("host", name=op.f("uq_hosts_host")),
        schema=_SCHEMA,
    )
    op.create_table(
        "quotas",
        _tenant(),
        sa.Column("quota", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "quota", name=op.f("pk_quotas")),
        schema=_SCHEMA,
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        _tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit")),
        schema=_SCHEMA,
    )


def _make_append_only() -> None:
    """The serving roles get no right to change it; the trigger refuses even the owner."""
    op.execute(
        "REVOKE UPDATE, DELETE, TRUNCATE ON identity_tenants.audit FROM vitascope_app, vitascope_system"
    )
    op.execute(
        """
        CREATE FUNCTION identity_tenants.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit log can only grow' USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON identity_tenants.audit
        FOR EACH STATEMENT EXECUTE FUNCTION identity_tenants.refuse_change()
        """
    )


def _tenant() -> sa.Column[object]:
    return sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False)
