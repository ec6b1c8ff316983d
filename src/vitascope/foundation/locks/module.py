"""Locks, as the composition root sees them."""

from vitascope.foundation.locks.leases import Locks
from vitascope.foundation.locks.models import schema
from vitascope.foundation.module import Module

module = Module(name="foundation.locks", package=__package__, also=(Locks,), schema=schema)
