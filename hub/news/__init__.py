"""News of the neighbourhood: articles with a picture."""
