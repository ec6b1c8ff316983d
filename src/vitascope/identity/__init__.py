"""Who is who: accounts, sign-in, tenants."""
