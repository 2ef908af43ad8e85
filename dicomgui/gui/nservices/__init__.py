"""The console for normalized services, with its editor of data sets."""
