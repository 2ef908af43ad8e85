"""The panel that tests a peer by C-ECHO."""
