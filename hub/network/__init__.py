"""The other hubs that this one follows, and what comes from them."""
