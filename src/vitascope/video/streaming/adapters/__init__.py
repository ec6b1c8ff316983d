"""The media server of its own, and the configuration of another."""
