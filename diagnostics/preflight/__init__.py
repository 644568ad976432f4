"""Before activation: what is wrong with a connection, what it would do, and what cannot be known beforehand."""
