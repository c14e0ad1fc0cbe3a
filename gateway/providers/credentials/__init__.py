"""Credentials that expire or sign: AWS, Google, Microsoft Entra. Fetched and refreshed off the request path."""
