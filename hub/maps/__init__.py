"""The hub's own map: tiles and addresses from OpenStreetMap, kept and served by the hub itself."""
