"""Places and organisations: who and what is where, and whether that is still true."""
