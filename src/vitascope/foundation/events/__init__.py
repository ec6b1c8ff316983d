"""Events: written with the change, put in order by one relay, heard through cursors.

Owns the schema `events`: `outbox`, `log`, `subscriptions`, `dead_letters`.
"""
