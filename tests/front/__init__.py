"""Tests of the HTTP front over a real socket."""
