"""What an account is held to: passwords, second factors, secrets and lock-outs; nothing here knows the store."""
