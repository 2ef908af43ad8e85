"""C-FIND, of archives and of worklists: keys and their values, levels, searches, matches and their export."""
