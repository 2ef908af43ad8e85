"""What keeps the window going: its one loop, tasks, work in threads, facts drained in batches, and where faults end."""
