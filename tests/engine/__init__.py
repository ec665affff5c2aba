"""The engine over the real store, with a scripted maker in place of the site."""
