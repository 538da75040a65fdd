"""The `qpki` command: options in, one call of the library, text or JSON out."""
