"""Moderation: what waits for a decision, the decision and its reason, appeals, the public log."""
