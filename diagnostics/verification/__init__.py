"""The parts of verification: fresh reading, what the last check knows, the three verifications, the differences."""
