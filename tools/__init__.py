"""What the maintainers run, and no user: nothing here is part of the package."""
