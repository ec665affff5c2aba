"""Interactive work under a lease: chats and images that live as long as their HTTP request."""
