"""The window around the panels: rail, pages, banner, status bar, keys, settings."""
