"""Recipes: one small file of settings a model."""
