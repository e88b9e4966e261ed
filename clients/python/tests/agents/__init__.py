"""Handles, their places and the rule of turns."""
