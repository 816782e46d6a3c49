"""Who speaks: our actors, their keys and icons, and the actors of others that we know."""
