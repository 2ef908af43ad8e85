"""A PACS to practise with, in this process."""
