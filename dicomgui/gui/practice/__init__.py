"""The practice PACS in the window."""
