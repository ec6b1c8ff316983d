"""Accounts, and sign-ups whose address is not confirmed yet."""

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_SCHEMA = "identity_users"
_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")


def upgrade() -> None:
    create_schema(_SCHEMA)
    _create_accounts()
    _create_sign_ups()
    protect(f"{_SCHEMA}.accounts", f"{_SCHEMA}.sign_ups")


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("tenant_id", "email_key", name=op.f("uq_accounts_tenant_id_email_key")),
        schema=_SCHEMA,
    )


def _create_sign_ups() -> None:
    op.create_table(
        "sign_ups",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sign_ups")),
        sa.UniqueConstraint("tenant_id", "token_hash", name=op.f("uq_sign_ups_tenant_id_token_hash")),
        schema=_SCHEMA,
    )
    op.create_index(
        op.f("ix_sign_ups_tenant_id_email_key"), "sign_ups", ["tenant_id", "email_key"], schema=_SCHEMA
    )
    op.create_index(op.f("ix_sign_ups_expires_at"), "sign_ups", ["expires_at"], schema=_SCHEMA)
