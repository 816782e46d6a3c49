"""What stewards do beside posting: servers, replies, deliveries."""
