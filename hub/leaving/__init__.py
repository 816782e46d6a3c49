"""Taking along what is one's own, and leaving: a person, and the hub as a whole."""
