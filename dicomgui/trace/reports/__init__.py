"""A trace as text, JSON lines or Markdown, and the one place that writes traces to files."""
