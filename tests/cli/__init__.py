"""Tests of provision/cli."""
