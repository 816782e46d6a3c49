"""The queue: work as rows, claimed in batches by one statement."""
