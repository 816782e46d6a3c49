"""Who may do what: stewards, sessions and API tokens."""
