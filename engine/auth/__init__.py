"""Credentials: a secret that does not show itself, and where it is kept."""
