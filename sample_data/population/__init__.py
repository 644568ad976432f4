"""Invents a population of contacts on both sides, plants faults in it and writes the answer key."""
