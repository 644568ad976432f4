"""The console's own widgets. Each makes text from outside visible itself: no other door leads to the screen."""
