"""How servers find each other: WebFinger for actors, NodeInfo for what a server says of itself."""
