"""Programs that people have: official SDKs and the documentation's own samples, unchanged, over a real socket."""
