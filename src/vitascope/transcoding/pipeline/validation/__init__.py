"""Is a set right? Every rule by name, for our sets and for those of others.

`validate.examine` reads a folder's HLS and DASH manifests, compares them with the indexes of the
segments that they name and answers a `findings.Report`; whatever the folder holds, it answers.
"""
