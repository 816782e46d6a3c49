"""Events: what happens, when and where."""
