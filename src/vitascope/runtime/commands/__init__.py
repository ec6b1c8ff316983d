"""The bodies of the commands: one module each, with a function `command`, imported when it is called."""
