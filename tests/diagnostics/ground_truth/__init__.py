"""Populations whose faults are known because they were planted: the gates have to find exactly these."""
