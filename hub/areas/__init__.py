"""Channels of areas and themes: actors of ours that pass on what fits, for people to follow."""
