"""Random histories of people, services and faults around the engine, and what must hold in every one of them."""
