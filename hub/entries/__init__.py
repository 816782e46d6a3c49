"""What every published thing shares: Entry, visibility, publishing, replies, pictures."""
