"""PostgreSQL: the embedded server, schemas, migrations, transactions and tenancy."""
