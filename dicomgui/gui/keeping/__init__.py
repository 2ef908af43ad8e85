"""What the window keeps for all its panels: settings and nodes, the archive, secrets."""
