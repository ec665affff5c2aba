"""The routes of the site and the frames they answer with."""
