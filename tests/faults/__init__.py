"""Every fault at every request of a cycle: what a fault leaves behind, the next runs put right."""
