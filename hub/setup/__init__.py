"""Setting a hub up: what stewards choose in the browser, and their first way through it."""
