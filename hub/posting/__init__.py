"""Posting without an account, and what residents see of their own."""
