"""Upload: films arrive in pieces, over connections that break (tus 1.0).

Owns `video_upload`: `uploads`, `parts`. Sends `UploadCompleted`. Hears nothing.
"""
