"""Where the window opens."""
