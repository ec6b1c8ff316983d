"""What the platform tells about itself: log lines, traces and metrics, none of which holds a secret."""
