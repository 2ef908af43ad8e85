"""The local archive as the program uses it."""
