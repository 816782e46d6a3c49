"""Who said it: HTTP signatures of both kinds, and proofs inside documents."""
