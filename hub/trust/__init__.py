"""Whom the hub trusts: what is said of servers, one by one and by the list."""
