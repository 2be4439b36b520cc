"""Long pieces of work that the server does beside answering: queued in the store, one at a time."""
