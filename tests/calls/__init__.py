"""Calls: what runs beside its caller."""
