"""A stand-alone double of grok.com: TLS, HTTP/2, WebSockets, real MP4s, scripted misbehaviour, and a ledger."""
