"""The live view's way over the network: who may look, what is said, and the files that go to the page."""
