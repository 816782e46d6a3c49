"""A region at a glance: the hubs that are followed, their flows, and what is missing there."""
