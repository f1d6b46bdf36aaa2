"""Tests of what a machine says of itself."""
