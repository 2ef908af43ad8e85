"""Fields for whom to talk to and how: address, connection, association, TLS."""
