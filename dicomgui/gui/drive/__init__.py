"""The window driven step by step, without a display or anybody at it."""
