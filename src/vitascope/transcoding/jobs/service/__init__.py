"""The rules of transcoding jobs."""
