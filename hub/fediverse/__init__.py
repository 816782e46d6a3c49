"""The hub among other servers: outbox and delivery, inbox and peers, follows."""
