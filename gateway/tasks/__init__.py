"""Durable work: what was asked for, its states, its store, and the engine that carries it out."""
