"""X.509: bytes in, bytes out. Knows no private keys, no disk and no clock."""
