"""What images and targets promise."""
