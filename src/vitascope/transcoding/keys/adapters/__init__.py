"""Where the key service touches ciphers and outside key servers."""
