"""Tests of the site adapter: readers, classifier, request bodies, and the video's way with a scripted transport."""
