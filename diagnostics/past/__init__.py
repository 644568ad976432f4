"""The past of a connection: which examination is meant, one contact as it was, findings through time, and what changed between two."""
