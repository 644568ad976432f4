"""Connections that another engine keeps in sync."""
