"""Real servers for tests, each private, in a temporary folder, on loopback or a socket file."""
