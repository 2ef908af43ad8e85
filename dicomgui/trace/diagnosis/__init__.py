"""From a trace to what went wrong and why: rules over the facts of each association, words in one catalogue."""
