"""The HTTP side of uploads: tus 1.0.0 for sending, JSON for showing."""
