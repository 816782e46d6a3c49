"""Ground of the house: settings, database, clock, errors, text."""
