"""What people have on disk: what can be sent, archives and media, conversions, names for exports."""
