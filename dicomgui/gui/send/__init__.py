"""The panel that sends files, with storage commitment."""
