"""Web Push: short messages to browsers that asked for them, by way of their own push services."""
