"""The Streamflix part: masters become adaptive bitrate streams."""
