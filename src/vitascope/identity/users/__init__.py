"""Accounts: who somebody is within a tenant, and what the roles allow.

Owns `identity_users`: `accounts`, `sign_ups`. Sends `AccountCreated`, `RoleChanged`. Hears nothing.
"""
