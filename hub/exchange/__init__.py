"""Offers and wants of neighbours."""
