"""Engines: from a schedule to a program that runs."""
