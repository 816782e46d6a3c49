"""ActivityPub as a library: who said it (signatures), what was said (vocab), and how it travels."""
