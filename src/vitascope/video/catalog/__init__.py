"""Catalog: titles, what is said of them, who may see them.

Owns `video_catalog`: `titles`. Sends `TitleDrafted`, `TitleReady`, `TitleFailed`, `TitlePublished`,
`TitleUnpublished`, `TitleRemoved`. Hears `UploadCompleted`, `JobCompleted`, `JobFailed`, `JobCancelled`.
"""
