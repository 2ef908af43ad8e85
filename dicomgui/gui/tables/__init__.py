"""Tables and trees that are made alike: their models, their views, what paints a cell."""
