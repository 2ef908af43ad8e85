"""Building blocks of the panels that know nothing of what they show: labels, fields, buttons, cards, rows that wrap."""
