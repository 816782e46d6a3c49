"""Who works with whom: a picture, its tables and its files, made of what is public here."""
