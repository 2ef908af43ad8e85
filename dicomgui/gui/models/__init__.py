"""Qt models over the buffers of the core; strings are built when a cell is shown, not before."""
