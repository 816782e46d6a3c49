"""The book of what stewards, moderators and commands did."""
