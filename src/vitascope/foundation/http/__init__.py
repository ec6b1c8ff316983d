"""What every HTTP edge of ours shares."""
