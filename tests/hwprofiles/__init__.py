"""Tests of knowledge as data."""
