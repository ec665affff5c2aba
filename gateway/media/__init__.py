"""Files: where they are kept, and the links to them."""
