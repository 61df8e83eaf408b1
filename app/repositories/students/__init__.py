"""What students read about all that they have done."""
