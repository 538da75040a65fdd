"""Things that sign: keys in files and keys on PKCS#11 tokens behind one contract."""
