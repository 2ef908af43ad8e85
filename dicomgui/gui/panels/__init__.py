"""What all panels share: the workplace that each is given, echoes, what is done about findings."""
