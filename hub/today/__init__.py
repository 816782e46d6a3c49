"""How the hub is today: every check in plain words, and what waits for somebody."""
