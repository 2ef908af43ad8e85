"""Building blocks of the panels."""
