"""Accounts: who somebody is within a tenant, and what the roles allow.

Owns `identity_users`: `accounts`, `verifications`. Sends `AccountCreated`, `VerificationRequested`,
`AccountVerified`. Hears nothing.
"""
