"""What fills the terminal: one module per screen, one per tab of a connection."""
