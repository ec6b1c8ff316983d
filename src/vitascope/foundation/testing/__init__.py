"""Real parts for tests, started privately: servers on free loopback ports, and an ASGI caller."""
