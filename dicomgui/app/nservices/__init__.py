"""The N-services: the console, its templates, performed procedure steps."""
