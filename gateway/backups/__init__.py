"""One file that holds what the gateway keeps, and a gateway made from it again."""
