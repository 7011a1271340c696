"""What a finished or running study has found."""
