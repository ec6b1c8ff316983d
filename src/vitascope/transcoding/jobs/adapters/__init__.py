"""Where jobs touch this machine and the object store."""
