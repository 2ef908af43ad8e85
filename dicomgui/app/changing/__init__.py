"""Changes of what is sent: attributes that are set, and instances that are invented."""
