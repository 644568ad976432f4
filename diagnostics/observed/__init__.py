"""Where another engine writes: how certain each verdict is, what flows between checks, and what waits without moving."""
