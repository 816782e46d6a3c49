"""The page toolkit: templates, forms, answers, static files."""
