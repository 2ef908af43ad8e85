"""What is set and kept: settings, nodes, the options of the listener; judged before it is in force."""
