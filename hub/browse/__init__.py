"""Pages that show what the features hold: home and about."""
