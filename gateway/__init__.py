"""The service: HTTP dialects over one durable task core, and the Grok adapter that drives the site."""
