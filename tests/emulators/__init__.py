"""Local servers that behave as the providers do. Nothing here imports from `calsync`."""
