"""Keeping what a hub holds: one portable archive, for saving, moving and upgrading."""
