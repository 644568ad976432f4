"""The tabs of a connection, one module each."""
