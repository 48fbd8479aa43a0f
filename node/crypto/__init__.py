"""Bytes in, bytes out: keys, signatures, sealing, hash trees. No clock, files or database."""
