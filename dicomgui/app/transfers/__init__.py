"""Instances on their way: sent, retrieved, committed."""
