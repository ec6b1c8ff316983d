"""The content keys, wrapped."""

import sqlalchemy as sa
from alembic import op

from vitascope.foundation.db.migrations import create_schema, protect

revision = "0001"
down_revision = None

_TENANT = sa.text("nullif(current_setting('vitascope.tenant', true), '')::uuid")


def upgrade() -> None:
    create_schema("transcoding_keys")
    op.create_table(
        "content_keys",
        sa.Column("tenant_id", sa.Uuid(), server_default=_TENANT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kid", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "label", name=op.f("pk_content_keys")),
        sa.UniqueConstraint("tenant_id", "kid", name=op.f("uq_content_keys_tenant_id_kid")),
        schema="transcoding_keys",
    )
    protect("transcoding_keys.content_keys")
