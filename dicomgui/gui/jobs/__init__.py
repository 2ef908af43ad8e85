"""What runs and what has run: the list of jobs and its drawer."""
